import { expect, test } from "vitest";
import { parse } from "yaml";
import { layout } from "../../scripts/import/layout.ts";
import { type Loose, seeded } from "./fixture.ts";
import { imported, importFixture, version } from "./import-fixture.ts";

/** Texts that YAML would take for something else, or that need quotes. */
const TEXTS = [
  ...["a", "$ref", "#/components/x", "application/json", "/lamps/{lamp_id}", "http://x.test/?a=b&c=d", "é", "😀"],
  ...[
    "",
    " ",
    " lead",
    "trail ",
    "tab\t",
    "two\nlines",
    "\u0001",
    "\u2028",
    "\u007f",
    "\\d+",
    'say "hi"',
    "it's",
    `'both' "x" y`,
  ],
  ...[
    "true",
    "null",
    "~",
    "no",
    "Yes",
    "1",
    "1e3",
    "0x1f",
    ".5",
    "2020-01-01",
    "=",
    "<<",
    "---",
    "...",
    "-",
    "- a",
    "?",
    "? a",
  ],
  ...[
    "a: b",
    "a:",
    ":",
    "#x",
    "x #y",
    "[x]",
    "{y}",
    "a,b",
    "a, b",
    "@z",
    "!t",
    "&a",
    "*s",
    "%p",
    "|",
    "> ",
    "`tick",
    "'",
    '"',
    "\\",
  ],
  ...["x".repeat(130), "long words ".repeat(12).trim()],
];

function randomValue(random: () => number, depth: number): Loose {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T; // no list here is empty
  const kind = Math.floor(random() * (depth > 4 ? 2 : 6));
  const size = Math.floor(random() * 8);
  const scalar = (): Loose => pick<Loose>([pick(TEXTS), pick(TEXTS), size, random(), true, null, 1e21, -5]);
  if (kind < 2) return scalar();
  if (kind === 2) return Array.from({ length: size * 2 }, scalar);
  if (kind === 3) return Array.from({ length: size }, () => randomValue(random, depth + 1));
  const entries = Array.from({ length: size }, (_, index) => [
    random() < 0.3 ? pick(TEXTS) : `key${index}`,
    randomValue(random, depth + 1),
  ]);
  return Object.fromEntries(entries);
}

test("whatever a document holds, its text reads back as the same", () => {
  const random = seeded(7);

  for (let round = 0; round < 300; round++) {
    const document = { openapi: "3.1.0", info: randomValue(random, 0), paths: randomValue(random, 0) };
    expect(parse(layout(document, version))).toEqual(document);
  }
});

test("small things stand on one line, and what is too long for a line is broken the way formatters do", () => {
  const names = Array.from({ length: 9 }, (_, index) => `aRatherLongName${index}`);
  const text = layout(
    { paths: { short: { a: 1, b: "x, y" }, list: [{ c: [] }, { d: true }], names, wide: { e: "z".repeat(120) } } },
    version,
  );

  expect(text.split("\n").slice(3)).toEqual([
    "paths:",
    '  short: { a: 1, b: "x, y" }',
    "  list:",
    "    - c: []",
    "    - { d: true }",
    "  names:",
    "    [",
    ...names.map((name) => `      ${name},`),
    "    ]",
    "  wide:",
    "    {",
    `      e: ${"z".repeat(120)},`,
    "    }",
    "",
  ]);
});

test("the same source gives the same bytes, whatever the order of its keys and of what is required", async () => {
  const random = seeded(11);
  const { document, text } = await importFixture("page.md");

  for (let round = 0; round < 5; round++) {
    expect((await imported(JSON.stringify(shuffled(document, random)), "shuffled.json")).text).toBe(text);
  }
});

/** The same content with the keys of every mapping in another order, and with every list of required names turned round. */
function shuffled(value: Loose, random: () => number): Loose {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, random));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, child]) => ({ key, child: shuffled(child, random), at: random() }));
  const turned = (key: string, child: Loose): Loose =>
    key === "required" && Array.isArray(child) ? child.toReversed() : child;
  return Object.fromEntries(entries.sort((a, b) => a.at - b.at).map(({ key, child }) => [key, turned(key, child)]));
}

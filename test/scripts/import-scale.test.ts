import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { importCommand } from "../../scripts/import/command.ts";
import { parseIsolated } from "../../scripts/import/isolated.ts";
import { generatedFiles } from "../../scripts/spec/generate.ts";
import { type Loose, schema, sound, sourcesOf } from "./fixture.ts";
import { imported, lamps, refusal } from "./import-fixture.ts";

/** Time on the clock, for a machine that is busy; how much work it is, is asserted. */
const PATIENCE = 240_000;

/** What is quadratic takes minutes of work. */
const MAX_WORK_SECONDS = 40;

/** Runs something, and gives the seconds that the processor worked for it. */
async function workOf(run: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000_000;
}

/** A description with many operations, each with schemas of its own. */
function large(operations: number): Loose {
  const document = lamps();
  const { get } = document.paths["/lamps"];
  for (let index = 0; index < operations - 1; index++) {
    const { parameters } = get;
    const own = { name: `own${index}`, in: "query", schema: { type: "string", enum: [`a${index}`, `b${index}`] } };
    const answer = { description: "", content: { "application/json": { schema: schema(`Lamp${index}`) } } };
    const refused = { description: "", content: { "application/json": { schema: schema("Refusal") } } };
    document.paths[`/lamps${index}`] = {
      get: {
        ...get,
        operationId: `list_lamps_${index}`,
        parameters: [...parameters, own],
        responses: { "200": answer, "422": refused },
      },
    };
    document.components.schemas[`Lamp${index}`] = { properties: { next: schema(`Lamp${index - (index % 10)}`) } };
  }
  document.components.schemas.Refusal = { properties: { detail: { type: "string" } }, required: ["detail"] };
  return document;
}

test(
  "2,000 operations are imported in seconds, from YAML and from JSON, to the same bytes",
  async () => {
    const document = large(2_000);
    const [yaml, json] = [stringify(document), JSON.stringify(document)];

    const seconds = await workOf(async () => {
      const written = (await imported(yaml, "large.yaml")).text;
      expect((await imported(json, "large.json")).text).toBe(written);
    });

    expect(seconds).toBeLessThan(MAX_WORK_SECONDS);
  },
  PATIENCE,
);

test(
  "a page with 2,000 fragments is imported in seconds",
  async () => {
    const { paths, ...rest } = large(2_000);
    const fragments = Object.entries<Loose>(paths).map(([path, { get }]) => {
      const responses = { "200": { description: "", content: {} } };
      return JSON.stringify({ ...rest, paths: { [path]: { get: { ...get, responses } } }, components: {} });
    });

    const page = fragments.map((text) => `\`\`\`json\n${text}\n\`\`\`\n`).join("\n");

    const seconds = await workOf(async () => {
      const { report } = await imported(page, "large.md");
      expect(report).toMatchObject({ fragments: 2_000, operations: 2_000 });
    });

    expect(seconds).toBeLessThan(MAX_WORK_SECONDS);
  },
  PATIENCE,
);

test(
  "2,000 operations, most with types of their own, are merged and generated in seconds",
  async () => {
    const structure = large(2_000);
    const base = sound();
    structure.servers = base.structure.servers;
    structure.paths["/lamps"].get.responses["422"] = structure.paths["/lamps1"].get.responses["422"];
    const actions = Object.keys(structure.paths).map((path) => ({
      target: `$.paths['${path}'].get`,
      update: { summary: "List", "x-repeatable": true },
    }));
    const sources = await sourcesOf({ v9: { structure, overlay: { ...base.overlay, actions } } });

    const seconds = await workOf(async () => {
      const types = (await generatedFiles(sources)).find(({ path }) => path.endsWith("api.ts"))?.content;
      expect(types?.match(/operations\["v9_list_lamps/g)).toHaveLength(2_000);
    });

    expect(seconds).toBeLessThan(MAX_WORK_SECONDS);
  },
  PATIENCE,
);

const laughs = Array.from({ length: 12 }, (_, level) => {
  const below = level === 0 ? "ha" : `*l${level - 1}`;
  return `l${level}: &l${level} [${Array(10).fill(below).join(", ")}]`;
}).join("\n");

const hostile: readonly [string, string, string, RegExp][] = [
  [
    "aliases that multiply",
    "a.yaml",
    laughs,
    /^a\.yaml: holds more than [\d,]+ values once its aliases are written out/,
  ],
  ["an alias within itself", "a.yaml", "a: &a\n  b: *a\n", /^a\.yaml: .*contains itself/],
  [
    "a text that aliases multiply",
    "a.yaml",
    `x: &x ${"y".repeat(50_000)}\nz:\n${"- *x\n".repeat(2_000)}`,
    /^a\.yaml: has more than 64 MB/,
  ],
  [
    "more aliases than a person writes",
    "a.yaml",
    `x: &x 1\nz:\n${"- *x\n".repeat(10_001)}`,
    /^a\.yaml: has more than 10000 aliases/,
  ],
  [
    "100,000 lists in each other",
    "a.yaml",
    `a: ${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    /^a\.yaml: is nested more than 200/,
  ],
  [
    "100,000 lists in each other, in JSON",
    "a.json",
    `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
    /^a\.json: line 1: is nested more than 200/,
  ],
  [
    "a string that never ends, full of quotes",
    "a.json",
    `{"a": ${'\\"'.repeat(2_000_000)}`,
    /^a\.json: line 1: ends in the middle/,
  ],
  ["a line of two megabytes", "a.yaml", `a: "${"x ".repeat(1_000_000)}"\n`, /^a\.yaml: openapi: is missing/],
  [
    "20,000 anchors",
    "a.yaml",
    Array.from({ length: 20_000 }, (_, index) => `k${index}: &n${index} 1`).join("\n"),
    /^a\.yaml: /,
  ],
  ["100,000 commas", "a.yaml", `a: [${",".repeat(100_000)}]`, /^a\.yaml: line 1: is no YAML/],
  ["three megabytes of blank lines", "a.yaml", `a: 1\n${"\n".repeat(3_000_000)}`, /^a\.yaml: /],
  [
    "20,000 fragments",
    "a.md",
    "```yaml\nopenapi: 3.1.0\n```\n".repeat(20_000),
    /^a\.md: holds more than 10000 descriptions/,
  ],
];

test.each(hostile)(
  "%s: an error in one line, and no hang",
  async (_, file, text, message) => {
    const error = await refusal(text, file);

    expect(error).toMatch(message);
    expect(error.split("\n")).toHaveLength(1);
  },
  PATIENCE,
);

test("a file of 50 MB is not even read", async () => {
  const folder = await mkdtemp(join(tmpdir(), "import-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "large.yaml");
  await writeFile(file, Buffer.alloc(50_000_000, "a: 1\n"));

  const { text } = await importCommand([file, "--as", "v2", "--dry-run"]);

  expect(text).toBe(`${file}: has more than 16 MB, which is the limit`);
});

test.each([
  [{ timeoutMs: 1_500, memoryMb: 2_048 }, "a.yaml: cannot be read within 1.5 seconds; is it a description of an API?"],
  [
    { timeoutMs: 60_000, memoryMb: 64 },
    "a.yaml: cannot be read within 64 MB of memory; is it a description of an API?",
  ],
])(
  "a text that exhausts the parser ends with its process, within %j",
  async (limits, message) => {
    await expect(parseIsolated([`a: [${",".repeat(1_000_000)}]`], "a.yaml", limits)).rejects.toThrow(message);
  },
  PATIENCE,
);

test("a thousand names in brackets on one line are no nesting", async () => {
  const properties = Array.from({ length: 1_000 }, (_, index) => `p${index}: { type: string }`).join(", ");
  const text = stringify(lamps()).replace(
    "properties:\n        id:\n          type: string",
    `properties: { id: {}, ${properties} }`,
  );

  const { document } = await imported(text, "a.yaml");

  expect(Object.keys(document.components.schemas.Lamp.properties)).toHaveLength(1_001);
});

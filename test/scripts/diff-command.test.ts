import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { diffCommand, type Outcome } from "../../scripts/diff/command.ts";
import { versions } from "../../scripts/versions.ts";
import { api, json, ref } from "./diff-fixture.ts";
import { type Loose, sound, sourcesOf } from "./fixture.ts";

const text = { type: "string" };
const base = api({ operationId: "go" });
const compatible = api({ operationId: "walk" });
const risky = api({ operationId: "go", responses: { "204": {}, "402": {} } });
const breaking = api({ operationId: "walk", responses: { "200": {} } });

/** Compares two documents, given as mappings or as text, with the files in a directory of their own. */
async function compare(old: Loose, fresh: Loose, ...options: readonly string[]): Promise<Outcome> {
  const [one, other] = await written({ "old.yaml": old, "new.yaml": fresh });
  const outcome = await diffCommand([one, other, ...options]);
  return { ...outcome, output: outcome.output.replaceAll(one, "old.yaml").replaceAll(other, "new.yaml") };
}

async function written(contents: Readonly<Record<string, Loose>>): Promise<[string, string]> {
  const root = await mkdtemp(join(tmpdir(), "diff-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(contents))
    await writeFile(join(root, name), typeof content === "string" ? content : stringify(content));
  const [one = "", other = ""] = Object.keys(contents).map((name) => join(root, name));
  return [one, other];
}

test("the report is sorted by severity, then by operation, and says what is sent and what is received", async () => {
  const schemas = { Thing: { type: "object", properties: { a: text } } };
  const old = api(
    { requestBody: json(ref("Thing")), responses: { "200": json(ref("Thing")) } },
    { components: { schemas } },
  );
  const fresh = structuredClone(old);
  fresh.components.schemas.Thing.properties = { b: text };
  fresh.paths["/other"] = { get: { responses: { "200": json(ref("Thing")) } } };

  expect((await compare(old, fresh)).output).toBe(
    [
      "old.yaml → new.yaml: 1 breaking, 1 risky, 3 compatible",
      "",
      "BREAKING",
      "  POST /things/{id}",
      "    response: Thing.a: was removed (optional)",
      "",
      "RISKY",
      "  POST /things/{id}",
      "    request: Thing.a: was removed (optional)",
      "",
      "COMPATIBLE",
      "  Operations",
      "    GET /other: is new",
      "  POST /things/{id}",
      "    request: Thing.b: is new (optional)",
      "    response: Thing.b: is new (optional)",
    ].join("\n"),
  );
});

test("what an operation sends is told before what it answers", async () => {
  const document = (property: string) => {
    const properties = { [property]: text };
    const schemas = { Sent: { type: "object", properties }, Answer: { type: "object", properties } };
    return api(
      { requestBody: json(ref("Sent")), responses: { "200": json(ref("Answer")) } },
      { components: { schemas } },
    );
  };

  const { output } = await compare(document("a"), document("b"));

  expect(output).toMatch(/request: Sent\.b: is new.*\n.*response: Answer\.b: is new/);
});

test("what YAML aliases share is told for each place", async () => {
  const structure = (type: string) => `
openapi: 3.1.0
x-shared: &shared { content: { application/json: { schema: { type: ${type} } } } }
paths: { /a: { get: { responses: { "200": *shared, "400": *shared } } } }`;
  const { overlay } = sound();
  const sources = await sourcesOf({
    v8: { structure: structure("string"), overlay },
    v9: { structure: structure("integer"), overlay },
  });

  const { output } = await diffCommand(["v8", "v9", "--structure"], sources);

  expect(output).toContain("200 body: type string became integer");
  expect(output).toContain("400 body: type string became integer");
});

test("nothing different is said in one line", async () => {
  expect(await compare(base, base)).toEqual({ exitCode: 0, output: "old.yaml → new.yaml: no differences" });
});

test("with --json everything is there for programs, and nothing is shortened", async () => {
  const members = Array.from({ length: 50 }, (_, index) => `member ${index}`);
  const list = (values: readonly string[]) => api({ responses: { "200": json({ type: "string", enum: values }) } });

  const { output } = await compare(list(["a"]), list(["a", ...members]), "--json");

  expect(JSON.parse(output)).toEqual({
    old: "old.yaml",
    new: "new.yaml",
    counts: { breaking: 1, risky: 0, compatible: 0 },
    findings: [
      {
        severity: "breaking",
        kind: "enum-added",
        role: "response",
        place: "200 body",
        after: members.sort(),
        message: expect.stringMatching(/^200 body: may be "member 0", .* and 38 more too$/),
        operations: ["POST /things/{id}"],
      },
    ],
  });
});

test.each([
  ["breaking", [30, 0, 0, 0]],
  ["risky", [30, 20, 0, 0]],
  ["compatible", [30, 20, 10, 0]],
  ["never", [0, 0, 0, 0]],
])(
  "with --fail-on %s, what is breaking, risky, compatible, or nothing ends with the exit codes %j",
  async (threshold, codes) => {
    for (const [index, fresh] of [breaking, risky, compatible, base].entries())
      expect((await compare(base, fresh, "--fail-on", threshold)).exitCode).toBe(codes[index]);
  },
);

test("without --fail-on only what is breaking is told by the exit code", async () => {
  expect((await compare(base, breaking)).exitCode).toBe(30);
  expect((await compare(base, risky)).exitCode).toBe(0);
});

test.each([
  [[]],
  [["one.yaml"]],
  [["one.yaml", "two.yaml", "three.yaml"]],
  [["one.yaml", "two.yaml", "--fail-on", "sometimes"]],
  [["one.yaml", "two.yaml", "--unknown"]],
  [["one.yaml", "two.yaml", "--as", "v0"]],
  [["one.yaml", "two.yaml", "--as", "v2", "--structure"]],
])("the arguments %j are answered with how to use the command", async (args) => {
  expect(await diffCommand(args)).toEqual({ exitCode: 2, output: expect.stringMatching(/^usage: npm run spec:diff/) });
});

test("a registered version is compared with its overlay, and without it when only the structure is asked for", async () => {
  const files = sound();
  const sources = await sourcesOf({ v9: files });
  const file = join(sources.root, "openapi/v9.yaml");

  expect((await diffCommand([file, "v9", "--structure"], sources)).output).toMatch(/: no differences$/);
  const { output } = await diffCommand([file, "v9"], sources);
  expect(output).toContain("request: Color: is an open list now");
  expect(output).toContain("x-repeatable: may be sent twice now");
});

test("with --as, a file is compared as that version: the overlay applies to it as far as it fits", async () => {
  const files = sound();
  const sources = await sourcesOf({ v9: files });
  const { Color: _, ...schemas } = files.structure.components.schemas;
  const properties = { ...schemas.NewThing.properties, color: text };
  const components = {
    ...files.structure.components,
    schemas: { ...schemas, NewThing: { ...schemas.NewThing, properties } },
  };
  const [file] = await written({ "changed.yaml": { ...files.structure, components } });

  const { output } = await diffCommand(["v9", file, "--as", "v9"], sources);

  expect(output).not.toContain("x-repeatable");
  expect(output).toContain('request: NewThing.color: is no longer limited to "green", "red"');
});

test("the registered versions of this repository differ from their structure by what the overlays add, and in nothing else", async () => {
  for (const { name, structure } of versions) {
    const { output } = await diffCommand([structure, name, "--structure"]);
    expect(output).toBe(`${structure} → ${name}: no differences`);
    expect((await diffCommand([structure, name, "--as", name])).exitCode).toBe(0);
  }
});

const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
const bomb = Array.from({ length: 30 }, (_, level) => `a${level}: &a${level} [${`*a${level - 1},`.repeat(9)}]`);

test.each([
  ["no OpenAPI at all", "a: 1", /^new\.yaml: is no OpenAPI document/],
  [
    "another version of OpenAPI",
    { ...base, openapi: "3.0.3" },
    /^new\.yaml: is OpenAPI 3\.0\.3, but only 3\.1 is understood/,
  ],
  ["no paths", { openapi: "3.1.0" }, /^new\.yaml: paths: is missing/],
  [
    "a path that holds a text",
    { ...base, paths: { "/a": "b" } },
    /^new\.yaml: \/a: holds something else than operations/,
  ],
  [
    "a reference to nothing",
    api({ requestBody: json(ref("Gone")) }),
    /^new\.yaml: .*refers to #\/components\/schemas\/Gone, which is not in this file/,
  ],
  [
    "a reference to another file",
    api({ requestBody: json({ $ref: "other.yaml#/a" }) }),
    /^new\.yaml: .*refers to other\.yaml#\/a, which is not in this file/,
  ],
  ["text that is no YAML", "a: [", /^new\.yaml: line 1: is no YAML/],
  ["a key given twice", "a: 1\na: 2\n", /^new\.yaml: line 2: is no YAML \(Map keys must be unique\)/],
  ["a list", "- 1", /^new\.yaml: holds no mapping/],
  [
    "aliases that multiply",
    `a: 1\na0: &a0 [1,2]\n${bomb.slice(1).join("\n")}`,
    /^new\.yaml: holds more than \d+ values once its aliases are written out/,
  ],
  ["a mapping that contains itself", "a: &a { b: *a }", /^new\.yaml: has a part that contains itself/],
  ["endless nesting", deep(100_000), /^new\.yaml: .*is nested more than 200 levels deep/],
  ["endless nesting in YAML", `a: ${"[".repeat(500_000)}`, /^new\.yaml: .*is nested more than 200 levels deep/],
  ["endless nesting in one line", "- ".repeat(500_000), /^new\.yaml: .*is nested more than 200 levels deep/],
  ["components that refer to each other only", circle(), /^new\.yaml: .*(references in a circle|entangled)/],
])("%s ends in one line that names the file", async (_name, content, message) => {
  const { exitCode, output } = await compare(base, content);

  expect(exitCode).toBe(1);
  expect(output).toMatch(message);
  expect(output.split("\n")).toHaveLength(1);
});

test("unions that multiply end in one line that names the file", async () => {
  const { exitCode, output } = await compare(multiplied(), multiplied());

  expect(exitCode).toBe(1);
  expect(output).toBe("old.yaml: has unions that multiply to more than 1000 alternatives");
});

test("a file of 50 MB is refused before it is read, and a missing one by its name", async () => {
  const [one, other] = await written({ "old.yaml": base, "huge.yaml": "" });
  await truncate(other, 50_000_000);

  expect(await diffCommand([one, other])).toEqual({
    exitCode: 1,
    output: expect.stringMatching(/huge\.yaml: .*16 MB/),
  });
  expect(await diffCommand([one, `${one}.gone`])).toEqual({
    exitCode: 1,
    output: expect.stringMatching(/old\.yaml\.gone: cannot be read/),
  });
});

test("2,000 operations with schemas of their own are compared within the time of a test", {
  timeout: 60_000,
}, async () => {
  const old = wide(2_000);
  const fresh = wide(2_000);
  fresh.components.schemas["Shared"].properties.added = text;
  fresh.components.schemas["Thing7"].properties.name = { type: "integer" };

  const { output } = await compare(JSON.stringify(old), JSON.stringify(fresh), "--json");

  const findings = JSON.parse(output).findings as { place: string; role: string; operations: string[] }[];
  expect(findings.map(({ place, role, operations }) => `${place} ${role} ${operations.length}`).sort()).toEqual([
    "Shared.added request 2000",
    "Shared.added response 2000",
    "Thing7.name request 1",
    "Thing7.name response 2",
  ]);
});

test("schemas that all lead to each other are compared within the time of a test", { timeout: 60_000 }, async () => {
  const { output } = await compare(JSON.stringify(web("a")), JSON.stringify(web("b")), "--json");

  expect(JSON.parse(output).counts).toEqual({ breaking: 300, risky: 0, compatible: 300 });
});

/** Every operation has a schema that holds itself, another, and one that all share. */
function wide(operations: number): Loose {
  const document = {
    openapi: "3.1.0",
    paths: {} as Loose,
    components: { schemas: { Shared: { type: "object", properties: {} } } as Loose },
  };
  for (let index = 0; index < operations; index++) {
    const name = `Thing${index}`;
    const next = ref(`Thing${(index + 1) % operations}`);
    const properties = { name: text, self: ref(name), shared: { anyOf: [ref("Shared"), { type: "null" }] } };
    document.components.schemas[name] = { type: "object", properties };
    document.paths[`/things/${index}/{id}`] = {
      post: {
        requestBody: json(ref(name)),
        responses: { "200": json({ type: "array", items: ref(name) }), "404": json(next) },
      },
    };
  }
  return document;
}

function web(property: string): Loose {
  const size = 300;
  const schemas = Array.from({ length: size }, (_, index) => {
    const others = Array.from({ length: 20 }, (_other, step) => [
      `to${step}`,
      ref(`S${(index * 7 + step * 13) % size}`),
    ]);
    return [`S${index}`, { type: "object", properties: { ...Object.fromEntries(others), [property]: text } }];
  });
  const paths = Array.from({ length: 300 }, (_, index) => [
    `/${index}`,
    { get: { responses: { "200": json(ref(`S${index}`)) } } },
  ]);
  return { openapi: "3.1.0", paths: Object.fromEntries(paths), components: { schemas: Object.fromEntries(schemas) } };
}

function circle(): Loose {
  const responses = { A: { $ref: "#/components/responses/B" }, B: { $ref: "#/components/responses/A" } };
  return api({ responses: { "200": { $ref: "#/components/responses/A" } } }, { components: { responses } });
}

function multiplied(): Loose {
  const union = { anyOf: Array.from({ length: 40 }, (_, index) => ({ type: "string", pattern: `${index}` })) };
  return api({ requestBody: json({ allOf: [union, structuredClone(union)] }) });
}

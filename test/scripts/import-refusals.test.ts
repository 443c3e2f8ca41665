import { expect, test } from "vitest";
import { stringify } from "yaml";
import { SpecError } from "../../scripts/spec/problem.ts";
import { type Loose, seeded } from "./fixture.ts";
import { imported, lamps, refusal, version } from "./import-fixture.ts";

const json = JSON.stringify(lamps(), null, 2);

/** The small API after a fault was planted in it. */
function planted(plant: (document: Loose) => void): string {
  const document = lamps();
  plant(document);
  return stringify(document);
}

const get = (document: Loose): Loose => document.paths["/lamps"].get;
const id = (document: Loose): Loose => document.components.schemas.Lamp.properties.id;

const texts: readonly [string, string, string | Uint8Array, string][] = [
  ["nothing", "a.yaml", "", "a.yaml: is empty"],
  ["blank lines", "a.yaml", " \n\n", "a.yaml: is empty"],
  ["comments alone", "a.yaml", "# later\n", "a.yaml: holds no description of an API"],
  [
    "binary data",
    "a.yaml",
    new Uint8Array([137, 80, 78, 71, 0, 1]),
    "a.yaml: is binary, or text in UTF-16; give UTF-8 text",
  ],
  [
    "UTF-16",
    "a.json",
    Buffer.from(`\uFEFF${json}`, "utf16le"),
    "a.json: is binary, or text in UTF-16; give UTF-8 text",
  ],
  [
    "another encoding than UTF-8",
    "a.yaml",
    Buffer.from("openapi: 3.1.0\n# caf\u00e9\n", "latin1"),
    "a.yaml: line 2: is no valid UTF-8; save the file as UTF-8",
  ],
  [
    "a web page",
    "a.txt",
    "<!doctype html>\n<html></html>",
    "a.txt: is a web page or XML; give the address of the raw file",
  ],
  [
    "a page without any description",
    "a.md",
    "# Lamps\n\nText.\n",
    "a.md: holds no OpenAPI, neither as JSON or YAML nor in the code blocks of a page",
  ],
  ["a list", "a.json", "[1]", "a.json: holds no mapping; is it the right file?"],
  [
    "YAML that is none",
    "a.yaml",
    "openapi: 3.1.0\npaths: }\n",
    'a.yaml: line 2: is no YAML (Unexpected flow-map-end token in YAML stream: "}"); correct it',
  ],
  [
    "a key that is given twice in YAML",
    "a.yaml",
    "a: 1\na: 2\n",
    "a.yaml: line 2: is no YAML (Map keys must be unique); correct it",
  ],
  [
    "JSON that is cut short",
    "a.json",
    json.slice(0, 300),
    `a.json: line ${lines(300)}: ends in the middle of the JSON; it is cut short`,
  ],
  [
    "JSON that is none",
    "a.json",
    '{\n"a": 1,,\n}',
    "a.json: line 2: is no JSON (Expected double-quoted property name); correct it",
  ],
  [
    "an operation that is given twice in JSON",
    "a.json",
    '{"paths": {"/lamps": {"get": {},\n"get": {}}}}',
    'a.json: line 2: has the key "get" twice; remove one',
  ],
];

test.each(texts)("%s is refused with one line (%s)", async (_, file, source, message) => {
  expect(await refusal(source, file)).toBe(message);
});

const documents: readonly [string, (document: Loose) => void, string][] = [
  [
    "a document that does not say its version",
    (document) => delete document.openapi,
    'openapi: is missing; a description must begin with "openapi: 3.1.0"',
  ],
  [
    "OpenAPI 3.0",
    (document) => Object.assign(document, { openapi: "3.0.3" }),
    "openapi: is OpenAPI 3.0.3, but only 3.1.x is understood; convert the file first",
  ],
  [
    "Swagger",
    (document) => Object.assign(document, { openapi: undefined, swagger: "2.0" }),
    "openapi: is Swagger, but only 3.1.x is understood; convert the file first",
  ],
  ["a document without paths", (document) => delete document.paths, "paths: is missing; there are no operations"],
  [
    "a document without operations",
    (document) => Object.assign(document, { paths: { "/a": {} } }),
    "paths: holds no operations",
  ],
  [
    "a path that is none",
    (document) => Object.assign(document.paths, { lamps: {} }),
    "paths.lamps: is no path; it must begin with /",
  ],
  [
    "an operation that is none",
    (document) => Object.assign(document.paths["/lamps"], { post: "later" }),
    "POST /lamps: is no operation; write it as a mapping",
  ],
  [
    "components that are none",
    (document) => Object.assign(document, { components: [] }),
    "components: is no mapping; write schemas, … under it",
  ],
  [
    "an operation on servers of its own",
    (document) => Object.assign(get(document), { servers: [{ url: "https://elsewhere.test" }] }),
    "GET /lamps: has servers of its own, which is not understood",
  ],
  [
    "another server",
    (document) => Object.assign(document.servers[0], { url: "https://api.browser-use.com/api/v3" }),
    "servers: must be https://api.browser-use.com/api/v2 alone, but is https://api.browser-use.com/api/v3",
  ],
  [
    "a reference to nothing",
    (document) => delete document.components.schemas.Lamp,
    "paths./lamps.get.responses.200.content.application/json.schema: refers to #/components/schemas/Lamp, which is not there; the source is incomplete",
  ],
  [
    "a reference to another file",
    (document) => Object.assign(id(document), { $ref: "lamps.yaml#/Id" }),
    "components.schemas.Lamp.properties.id: refers to lamps.yaml#/Id, outside of the file; bundle the source into one file first",
  ],
  [
    "an enum entry without a value",
    (document) => Object.assign(id(document), { enum: ["a", { name: "b" }] }),
    "components.schemas.Lamp.properties.id.enum[1]: is an object without a plain value; write the value itself",
  ],
  [
    "an enum entry with more than a value",
    (document) => Object.assign(id(document), { enum: [{ value: "a", range: 3 }] }),
    'components.schemas.Lamp.properties.id.enum[0]: is an object with "range", which is not understood; write the value',
  ],
  [
    "an operation that needs a security scheme of which nothing is known",
    (document) => Object.assign(get(document), { security: [{ Cookie: [] }] }),
    "GET /lamps: needs the security scheme Cookie, which is not there",
  ],
  [
    "two operations with one operationId",
    (document) => Object.assign(document.paths, { "/rooms": { get: get(document) } }),
    "GET /rooms: shares its operationId list_lamps_lamps_get with GET /lamps; rename one",
  ],
  [
    "a number that is none",
    (document) => Object.assign(id(document), { maxLength: Number.POSITIVE_INFINITY }),
    "components.schemas.Lamp.properties.id.maxLength: is Infinity, which JSON cannot say",
  ],
  [
    "a name without end",
    (document) => Object.assign(document.components.schemas, { ["x".repeat(600)]: {} }),
    `components.schemas.${"x".repeat(61)}…: is a name of more than 500 characters`,
  ],
];

test.each(documents)("%s is refused with its place", async (_, plant, message) => {
  expect(await refusal(planted(plant), "lamps.yaml")).toBe(`lamps.yaml: ${message}`);
});

test("a name that would change what objects are is refused", async () => {
  expect(await refusal(json.replaceAll("Lamp", "__proto__"), "a.json")).toBe(
    "a.json: components.schemas.__proto__: is a name that no tool handles; rename it",
  );
});

test("names that objects have anyway are names like others", async () => {
  const { document } = await imported(json.replaceAll("Lamp", "constructor"), "a.json");

  expect(document.components.schemas.constructor).toMatchObject({ type: "object" });
});

test("what the overlay has to repair is no reason to refuse, but is told", async () => {
  const { report, document } = await imported(
    planted((sound) => {
      delete get(sound).security;
      Object.assign(id(sound), { ge: 1, pattern: "(?P<year>)" });
    }),
    "lamps.yaml",
  );

  expect(document.components.schemas.Lamp.properties.id).toEqual({ type: "string", pattern: "(?P<year>)", ge: 1 });
  expect(report.leftToOverlay.map(({ name, places }) => [name, places])).toEqual([
    ["unknown-keywords", ["components.schemas.Lamp.properties.id.ge"]],
    ["foreign-patterns", ["components.schemas.Lamp.properties.id"]],
    ["no-security", ["GET /lamps"]],
  ]);
});

test("whatever a source is damaged with, it is imported or refused, and never a crash", async () => {
  const random = seeded(20_261_121);
  const odd: string[] = [];

  for (let round = 0; round < 300; round++) {
    const document = lamps();
    const place = damage(document, random);
    const error: unknown = await imported(JSON.stringify(document), "a.json").catch((reason: unknown) => reason);
    if (error instanceof Error && !(error instanceof SpecError)) odd.push(`${place}: ${error.stack}`);
    if (error instanceof SpecError && !error.message.startsWith("a.json: ")) odd.push(`${place}: ${error.message}`);
  }

  expect(odd).toEqual([]);
});

/** Puts a value of a wrong kind somewhere; tells where. */
function damage(root: Loose, random: () => number): string {
  const places: { parent: Loose; key: string; path: string }[] = [];
  const collect = (parent: Loose, path: string): void => {
    for (const key of Object.keys(parent)) {
      places.push({ parent, key, path: `${path}.${key}` });
      if (typeof parent[key] === "object" && parent[key] !== null) collect(parent[key], `${path}.${key}`);
    }
  };
  collect(root, "");
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T; // no list here is empty
  const { parent, key, path } = pick(places);
  parent[key] = pick<Loose>([
    undefined,
    null,
    7,
    "text",
    true,
    [],
    {},
    [null],
    [[]],
    { x: null },
    { $ref: "#/x" },
    [{ value: [] }],
    version,
  ]);
  return `${path} = ${JSON.stringify(parent[key])}`;
}

function lines(end: number): number {
  return json.slice(0, end).trimEnd().split("\n").length;
}

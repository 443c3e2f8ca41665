import { readdir } from "node:fs/promises";
import { expect, test } from "vitest";
import type { Loose } from "./fixture.ts";
import { counts, fixturePath, imported, importFixture, lamps, version } from "./import-fixture.ts";

const lamp = (document: Loose): Loose => document.components.schemas.Lamp.properties;
const operation = (document: Loose, path = "/lamps", method = "get"): Loose => document.paths[path][method];

interface Class {
  readonly fixture: string;
  readonly guarantee: string;
  /** Everything that the report counts. */
  readonly found: Readonly<Record<string, number>>;
  /** What is taken from the result, and what it must be. */
  readonly of: (document: Loose) => unknown;
  readonly is: unknown;
}

const classes: readonly Class[] = [
  {
    fixture: "enum-objects.yaml",
    guarantee: "enum entries written as objects become their values, in schemas and in properties",
    found: { "enum-objects": 5 },
    of: (document) => [document.components.schemas.Color.enum, lamp(document).level.enum],
    is: [
      ["red", "green", "no"],
      [1, 2],
    ],
  },
  {
    fixture: "literal-entries.yaml",
    guarantee: "one literal becomes a constant, and several become a list",
    found: { "literal-entries": 3 },
    of: (document) => [lamp(document).kind, lamp(document).mode.oneOf[1]],
    is: [
      { type: "string", const: "lamp" },
      { type: "string", enum: ["auto", "eco"] },
    ],
  },
  {
    fixture: "any-type.yaml",
    guarantee: "additionalProperties in words become true, and those with a type keep it",
    found: { "any-type": 1, prose: 1 },
    of: (document) => [lamp(document).labels, lamp(document).sizes.additionalProperties],
    is: [{ additionalProperties: true, type: "object" }, { type: "integer" }],
  },
  {
    fixture: "nested-tags.yaml",
    guarantee: "tags in a list of lists become a list of words",
    found: { "nested-tags": 1 },
    of: (document) => operation(document).tags,
    is: ["Desk lamps"],
  },
  {
    fixture: "key-parameter.yaml",
    guarantee: "the key is no parameter any more but a security scheme, wherever the parameter was written",
    found: { "key-parameter": 2, unreachable: 1 },
    of: (document) => [
      operation(document).parameters,
      operation(document, "/lamps/{lamp_id}").parameters.length,
      operation(document).security,
      document.components,
    ],
    is: [
      undefined,
      1,
      [{ APIKeyHeader: [] }],
      expect.objectContaining({
        securitySchemes: { APIKeyHeader: { type: "apiKey", in: "header", name: "X-Browser-Use-API-Key" } },
      }),
    ],
  },
  {
    fixture: "kebab-operation-ids.yaml",
    guarantee: "operationIds are written as the vendor writes them",
    found: { "kebab-operation-ids": 2 },
    of: (document) => [operation(document, "/lamps/{lamp_id}").operationId, operation(document).operationId],
    is: ["get_desk_lamp_lamps__lamp_id__get", "all_lamps"],
  },
  {
    fixture: "empty-error-content.yaml",
    guarantee: "an error with empty content gets the body that errors have, and a refused body a list of errors",
    found: { "empty-error-content": 2, prose: 2 },
    of: (document) =>
      ["404", "422"].map((status) => operation(document).responses[status].content["application/json"].schema),
    is: [
      { properties: { detail: { type: "string" } }, type: "object", required: ["detail"] },
      { $ref: "#/components/schemas/HTTPValidationError" },
    ],
  },
  {
    fixture: "empty-success-content.yaml",
    guarantee: "a success with empty content is typed as unknown, and told as lost",
    found: { "empty-success-content": 1, "unknown-answers": 1, unreachable: 1 },
    of: (document) => operation(document).responses["200"].content,
    is: { "application/json": { schema: {} } },
  },
  {
    fixture: "no-content-with-body.yaml",
    guarantee: "a 204 loses its body, and the schema that only it used",
    found: { "no-content-with-body": 1, prose: 1, unreachable: 1 },
    of: (document) => [
      operation(document, "/lamps", "delete").responses["204"],
      Object.keys(document.components.schemas),
    ],
    is: [{ description: "" }, ["Lamp"]],
  },
  {
    fixture: "body-without-required.yaml",
    guarantee: "a body is required where its schema requires a property, and else stays optional",
    found: { "body-without-required": 2 },
    of: (document) => [
      operation(document, "/lamps", "post").requestBody.required,
      operation(document, "/lamps/{lamp_id}", "patch").requestBody.required,
    ],
    is: [true, undefined],
  },
  {
    fixture: "missing-servers.yaml",
    guarantee: "a document without servers gets the registered one",
    found: { "missing-servers": 1 },
    of: (document) => document.servers,
    is: [{ url: "https://api.browser-use.com/api/v2" }],
  },
  {
    fixture: "missing-info.yaml",
    guarantee: "the info of one endpoint becomes that of the API, and the version of OpenAPI is the usual one",
    found: { "missing-info": 1 },
    of: (document) => [document.openapi, document.info],
    is: ["3.1.0", { title: "Browser Use Cloud v2", version: "2.0.0" }],
  },
  {
    fixture: "path-level-parameters.yaml",
    guarantee: "parameters of a path go to its operations, and an operation's own one wins",
    found: { "path-level-parameters": 1 },
    of: (document) =>
      ["get", "delete"].map((method) =>
        operation(document, "/lamps/{lamp_id}", method).parameters.map(({ name, schema }: Loose) => [
          name,
          schema.default,
        ]),
      ),
    is: [
      [
        ["lamp_id", undefined],
        ["size", 2],
      ],
      [
        ["lamp_id", undefined],
        ["size", 1],
      ],
    ],
  },
  {
    fixture: "document-security.yaml",
    guarantee: "security of the document goes to each operation that has none",
    found: { "document-security": 1 },
    of: (document) => [operation(document).security, operation(document, "/lamps", "delete").security],
    is: [[{ APIKeyHeader: [] }], []],
  },
  {
    fixture: "unwanted-paths.yaml",
    guarantee: "paths below /boxes go, with the schemas that only they use",
    found: { "unwanted-paths": 2, unreachable: 2 },
    of: (document) => [Object.keys(document.paths), Object.keys(document.components.schemas)],
    is: [["/boxesque", "/lamps"], ["Lamp"]],
  },
  {
    fixture: "unreachable.yaml",
    guarantee: "schemas that only use each other go",
    found: { unreachable: 3, prose: 1 },
    of: (document) => document.components,
    is: { schemas: { Lamp: expect.anything() } },
  },
  {
    fixture: "long-names.json",
    guarantee: "schemas named by a module path lose it, unless the short name is taken",
    found: { "long-names": 4 },
    of: (document) => [Object.keys(document.components.schemas), lamp(document).parent],
    is: [
      ["Lamp", "Switch", "app__desk__Plug", "app__desk__Switch", "app__wall__Plug"],
      { $ref: "#/components/schemas/Lamp" },
    ],
  },
  {
    fixture: "hoisted-types.md",
    guarantee: "types that a page generator named go back to their place, unless they are used twice",
    found: { "hoisted-types": 3, "missing-info": 1, "missing-servers": 1, "all-limits": 0 },
    of: (document) => [
      Object.keys(document.components.schemas),
      lamp(document).power_state,
      operation(document).responses["200"].content["application/json"].schema.type,
    ],
    is: [
      ["Color", "Lamp", "LampPlug"],
      { properties: { since: { type: ["string", "null"] } }, type: "object" },
      "object",
    ],
  },
  {
    fixture: "paging-limits.yaml",
    guarantee: "a paging parameter without default and range is told as lost, and is left alone",
    found: { "paging-limits": 1 },
    of: (document) => operation(document).parameters[0],
    is: { name: "pageSize", in: "query", required: false, schema: { type: "integer" } },
  },
  {
    fixture: "prose.yaml",
    guarantee: "prose goes, and names and values that look like it stay",
    found: { prose: 11, extensions: 1, "other-links": 1 },
    of: (document) => [lamp(document), operation(document).parameters, operation(document).summary],
    is: [
      {
        description: { type: "string" },
        id: { type: "string" },
        title: { type: "string", default: "A title" },
        "x-ray": { type: "boolean" },
      },
      [{ name: "description", in: "query", schema: { type: "string" } }],
      undefined,
    ],
  },
];

test.each(classes)("$guarantee ($fixture)", async ({ fixture, found, of, is }) => {
  const result = await importFixture(fixture);

  expect(of(result.document)).toEqual(is);
  expect(counts(result)).toEqual(Object.fromEntries(Object.entries(found).filter(([, count]) => count > 0)));
});

test("every fixture shows something, and is imported", async () => {
  const named = [...classes.map(({ fixture }) => fixture), "page.md"];

  expect((await readdir(fixturePath("."))).sort()).toEqual(named.sort());
});

test("what was written is not repaired again, and stays the same to the byte", async () => {
  const damage = /^(?!body-without|unknown|paging|empty-success|long-names|all-limits)/;
  for (const name of await readdir(fixturePath("."))) {
    const first = await importFixture(name);

    const second = await imported(first.text, "written.yaml");

    expect(second.text, name).toBe(first.text);
    expect(Object.keys(counts(second)).filter((found) => damage.test(found))).toEqual([]);
  }
});

test("which header carries the key, and which paths are left behind, is said by the registration of each version", async () => {
  const document = lamps();
  const { get } = document.paths["/lamps"];
  get.parameters.push({ name: "x-lamp-key", in: "header", required: true, schema: { type: "string" } });
  delete get.security;
  document.paths["/old/lamps"] = { get: { ...structuredClone(get), operationId: "list_old_lamps" } };
  document.paths["/boxes"] = { get: { ...structuredClone(get), operationId: "list_boxes" } };
  const as = { ...version, key: { header: "X-Lamp-Key", scheme: "LampKey" }, droppedPaths: ["/old"] };

  const { document: result } = await imported(JSON.stringify(document), "lamps.json", as);

  expect(Object.keys(result.paths)).toEqual(["/boxes", "/lamps"]);
  expect(operation(result).security).toEqual([{ LampKey: [] }]);
  expect(operation(result).parameters.map(({ name }: Loose) => name)).toEqual(["room"]);
  expect(result.components.securitySchemes.LampKey).toEqual({ type: "apiKey", in: "header", name: "X-Lamp-Key" });
});

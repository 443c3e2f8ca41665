import { expect, test } from "vitest";
import { api, found, json, ref, using } from "./diff-fixture.ts";
import type { Loose } from "./fixture.ts";

const text = { type: "string" };
const nothing = { type: "null" };

function object(a: Loose): Loose {
  return { type: "object", properties: { a } };
}

/** Schemas that say the same, in two ways of writing it. */
const equal: readonly (readonly [string, Loose, Loose])[] = [
  ["null as an alternative or as a type", { anyOf: [text, nothing] }, { type: ["null", "string"] }],
  ["anyOf and oneOf with null", { anyOf: [text, nothing] }, { oneOf: [nothing, text] }],
  ["several types or several alternatives", { type: ["string", "integer"] }, { anyOf: [{ type: "integer" }, text] }],
  [
    "a limit on one of several types",
    { type: ["string", "integer"], maxLength: 3 },
    { anyOf: [{ ...text, maxLength: 3 }, { type: "integer" }] },
  ],
  ["a constant or a list of one", { const: "a" }, { enum: ["a"] }],
  ["a list with or without its type", { enum: ["a", "b"] }, { type: "string", enum: ["b", "a"] }],
  ["a list with null or a list beside null", { enum: ["a", null] }, { anyOf: [{ enum: ["a"] }, nothing] }],
  ["allOf of one", { allOf: [text] }, text],
  [
    "allOf of parts, or the whole",
    { allOf: [{ type: "object", required: ["a"] }, { properties: { a: text } }] },
    { type: "object", properties: { a: text }, required: ["a"] },
  ],
  ["the stricter of two limits", { allOf: [{ ...text, maxLength: 5 }, { maxLength: 3 }] }, { ...text, maxLength: 3 }],
  ["nothing said, or true", {}, true],
  ["any items, or none described", { type: "array", items: {} }, { type: "array" }],
  ["any unlisted properties, said or not", { type: "object", additionalProperties: true }, { type: "object" }],
  [
    "unlisted properties with prose only",
    { type: "object", additionalProperties: { description: "any" } },
    { type: "object" },
  ],
  ["more than zero, for an integer", { type: "integer", exclusiveMinimum: 0 }, { type: "integer", minimum: 1 }],
  ["no minimum length, or zero", { ...text, minLength: 0 }, text],
  ["keywords of another type", { ...text, minimum: 3, properties: { a: text } }, text],
  ["prose", { ...text, title: "A", description: "a", examples: ["a"], example: "a", externalDocs: {} }, text],
  ["marks of other tools", { ...text, "x-other": 1, xml: {} }, text],
  ["keywords that JSON Schema does not know", { type: "integer", ge: 1 }, { type: "integer" }],
  ["the order of alternatives", { oneOf: [text, { type: "boolean" }] }, { oneOf: [{ type: "boolean" }, text] }],
  ["an integer beside a number", { type: ["integer", "number"] }, { type: "number" }],
  ["what two lists have in common", { allOf: [{ enum: ["a", "b"] }, { enum: ["b", "c"] }] }, { enum: ["b"] }],
  ["objects in a list with null", { enum: [{ a: 1 }, null] }, { anyOf: [{ const: { a: 1 } }, nothing] }],
  [
    "the order of alternatives that look alike",
    { oneOf: [object(text), object({ type: "integer" })] },
    { oneOf: [object({ type: "integer" }), object(text)] },
  ],
  ["an alternative given twice", { anyOf: [{ type: "boolean" }, text, text] }, { anyOf: [text, { type: "boolean" }] }],
];

for (const [name, one, other] of equal) {
  test(`${name}: no difference`, () => {
    for (const role of ["request", "response"] as const) {
      expect(found(using(role, one), using(role, other))).toEqual([]);
      expect(found(using(role, other), using(role, one))).toEqual([]);
    }
  });
}

test("what a schema is called, and whether it is shared or written in place, is no difference", () => {
  const thing = { type: "object", properties: { color: { enum: ["red"] } } };
  const ways = [
    using("response", thing),
    using("response", ref("Thing"), { Thing: thing }),
    using("response", ref("Other"), {
      Other: { ...thing, properties: { color: ref("Color") } },
      Color: { enum: ["red"] },
    }),
    using("response", ref("Alias"), { Alias: ref("Thing"), Thing: thing }),
    using("response", { allOf: [ref("Thing")] }, { Thing: thing }),
    using("response", { $ref: "#/components/schemas/Thing", description: "ours" }, { Thing: thing }),
  ];

  for (const one of ways) for (const other of ways) expect(found(one, other)).toEqual([]);
});

test("the order of the parts of a schema is no difference", () => {
  const schemas = { A: object(text), B: { type: "object", required: ["a"] } };
  const twice = { anyOf: [{ allOf: [ref("A"), ref("B")] }, { allOf: [ref("B"), ref("A")] }] };

  expect(found(using("request", twice, schemas), using("request", { allOf: [ref("A"), ref("B")] }, schemas))).toEqual(
    [],
  );
});

test("a default on the reference or in the schema it refers to is the same default", () => {
  const own = using("request", { ...ref("Color"), default: "red" }, { Color: text });
  const inherited = using("request", ref("Color"), { Color: { ...text, default: "red" } });

  expect(found(own, inherited)).toEqual([]);
});

test("schemas that contain themselves are compared to the end", () => {
  const tree = (leaf: Loose) => ({
    type: "object",
    properties: { leaf, children: { type: "array", items: ref("Tree") } },
  });
  const document = (leaf: Loose) => using("response", ref("Tree"), { Tree: tree(leaf) });

  expect(found(document(text), document(text))).toEqual([]);
  expect(found(document(text), document({ type: "integer" }))).toEqual([
    expect.objectContaining({ kind: "type-changed", place: "Tree.leaf" }),
  ]);
});

test("a recursion that is unrolled once more is no difference", () => {
  const node = (next: Loose) => ({ type: "object", properties: { next } });
  const one = using("response", ref("A"), { A: node(ref("A")) });
  const two = using("response", ref("A"), { A: node(ref("B")), B: node(ref("A")) });

  expect(found(one, two)).toEqual([]);
});

test("unions and references in a circle end", () => {
  const circle = {
    A: { anyOf: [ref("B"), text] },
    B: { anyOf: [ref("A"), { type: "integer" }] },
    C: ref("D"),
    D: ref("C"),
  };

  const pair = (a: Loose, b: Loose) => ({ type: "object", properties: { a, b } });
  const both = { type: ["string", "integer"] };

  expect(found(using("request", pair(ref("A"), ref("B")), circle), using("request", pair(both, both)))).toEqual([]);
  expect(found(using("request", ref("C"), circle), using("request", ref("D"), circle))).toEqual([]);
});

test("parameters, answers and bodies may be shared or written in place", () => {
  const size = { name: "size", in: "query", schema: text };
  const responses = { "200": json(text) };
  const components = {
    parameters: { Size: size },
    responses: { Ok: responses["200"] },
    requestBodies: { Body: json(text) },
    headers: { A: { schema: text } },
  };
  const id = { name: "id", in: "path", required: true, schema: text };
  const inPlace = api({ parameters: [id, size], requestBody: json(text), responses });
  const shared = api(
    {
      parameters: [{ $ref: "#/components/parameters/Size" }, id],
      requestBody: { $ref: "#/components/requestBodies/Body" },
      responses: { "200": { $ref: "#/components/responses/Ok" } },
    },
    { components },
  );

  expect(found(inPlace, shared)).toEqual([]);
});

test("parameters may stand at the path or at the operation, and header names have no case", () => {
  const atOperation = api({
    parameters: [
      { name: "id", in: "path", required: true },
      { name: "X-A", in: "header" },
    ],
  });
  const atPath = api({ parameters: [] });
  atPath.paths["/things/{id}"].parameters = [
    { name: "x-a", in: "header" },
    { name: "id", in: "path", required: true },
  ];

  expect(found(atOperation, atPath)).toEqual([]);
});

test("a parameter of the operation stands for the one of its path, and a path parameter is always required", () => {
  const size = { name: "size", in: "query", schema: text };
  const id = { name: "id", in: "path" };
  const overridden = api({ parameters: [size, id] });
  overridden.paths["/things/{id}"].parameters = [{ ...size, schema: { type: "integer" } }];

  expect(found(overridden, api({ parameters: [{ ...id, required: true }, size] }))).toEqual([]);
});

test("a path may be shared or written in place, and a character set is no other form of content", () => {
  const inPlace = api({ responses: { "200": json(text) } });
  const shared = api(
    { responses: { "200": { content: { "Application/JSON; charset=utf-8": { schema: text } } } } },
    { components: { pathItems: {} } },
  );
  shared.components.pathItems.Thing = shared.paths["/things/{id}"];
  shared.paths["/things/{id}"] = { $ref: "#/components/pathItems/Thing" };

  expect(found(inPlace, shared)).toEqual([]);
});

test("security and servers may stand at the document, the path or the operation, under any name", () => {
  const scheme = { type: "apiKey", in: "header", name: "X-Key" };
  const servers = [{ url: "https://a.test/{version}/", variables: { version: { default: "v1" } } }];
  const global = api({}, { servers, security: [{ A: [] }], components: { securitySchemes: { A: scheme } } });
  const local = api(
    { security: [{ B: [] }], servers: [{ url: "https://a.test/v1", description: "ours" }] },
    { components: { securitySchemes: { B: { ...scheme, name: "x-key", description: "ours" } } } },
  );

  expect(found(global, local)).toEqual([]);
});

test("callbacks and webhooks are not compared in detail, but prose, order and names make no difference there either", () => {
  const one = { post: { description: "a", requestBody: json(ref("A")), responses: {} } };
  const other = { post: { responses: {}, requestBody: json(ref("B")) } };
  const changed = { post: { responses: {} } };
  const document = (item: Loose) => api({ callbacks: { done: { "/a": item } } }, { webhooks: { done: item } });

  expect(found(document(one), document(other))).toEqual([]);
  expect(found(document(one), document(changed)).map(({ place }) => place)).toEqual(["webhooks", "callbacks"]);
});

test("what concerns no caller is no difference: tags, prose, versions, unused components, marks of our facade", () => {
  const one = api(
    { tags: ["a"], summary: "a", "x-facade": true },
    { info: { title: "A", version: "1" }, tags: [{ name: "a" }] },
  );
  const other = api({ description: "b" }, { openapi: "3.1.1", components: { schemas: { Unused: text } } });

  expect(found(one, other)).toEqual([]);
});

test("two operations that differ in the names of parameters only are refused, since nobody could tell them apart", () => {
  const document = api();
  document.paths["/things/{other}"] = document.paths["/things/{id}"];

  expect(() => found(document, api())).toThrow(
    "old.yaml: POST /things/{other}: cannot be told from /things/{id}; only the names of parameters differ",
  );
});

import { expect, test } from "vitest";
import { type Kind, rules } from "../../scripts/diff/rules.ts";
import { api, found, json, ref, using, verdicts } from "./diff-fixture.ts";
import { operationCases } from "./diff-operation-cases.ts";
import { schemaCases } from "./diff-schema-cases.ts";

for (const { name, old, new: fresh, kind, request, response } of schemaCases) {
  test(`${name} is ${request} where it is sent, and ${response} where it is received`, () => {
    expect(verdicts(using("request", old), using("request", fresh))).toEqual([`${request} ${kind}`]);
    expect(verdicts(using("response", old), using("response", fresh))).toEqual([`${response} ${kind}`]);
  });
}

for (const { name, old, new: fresh, kind, severity, message } of operationCases) {
  test(`${name} is ${severity}`, () => {
    expect(found(old, fresh)).toEqual([expect.objectContaining({ severity, kind, message })]);
  });
}

test("what is found with old and new swapped is the opposite, and once", () => {
  const pairs = [
    ...operationCases,
    ...schemaCases.map((one) => ({ ...one, old: using("request", one.old), new: using("request", one.new) })),
  ];

  for (const { old, new: fresh, kind } of pairs)
    expect(found(fresh, old).map((finding) => finding.kind)).toEqual([rules[kind].opposite]);
});

test("every rule has a case, or is what a case is called when it is swapped", () => {
  const covered = new Set([...schemaCases, ...operationCases].flatMap(({ kind }) => [kind, rules[kind].opposite]));

  expect(Object.keys(rules).filter((kind) => !covered.has(kind))).toEqual([]);
});

test("the opposite of every opposite is the rule itself", () => {
  for (const [kind, { opposite }] of Object.entries(rules)) expect(rules[opposite as Kind].opposite).toBe(kind);
});

test("a member more in an open list is compatible in answers, whichever side marks the list", () => {
  const list = (open: boolean, ...members: readonly string[]) => ({
    type: "string",
    enum: members,
    "x-open-enum": open,
  });

  for (const marks of [
    [true, true],
    [true, false],
    [false, true],
  ] as const) {
    const added = found(using("response", list(marks[0], "a")), using("response", list(marks[1], "a", "b")));
    expect(added).toContainEqual(expect.objectContaining({ kind: "enum-added", severity: "compatible" }));
  }
});

test("a form more of an answer is risky, and one fewer is breaking", () => {
  const one = api({ responses: { "200": json({}) } });
  const two = api({ responses: { "200": { content: { ...json({}).content, "text/csv": {} } } } });

  expect(verdicts(one, two)).toEqual(["risky media-type-added"]);
  expect(verdicts(two, one)).toEqual(["breaking media-type-removed"]);
});

test("a success status that changed does not hide what changed in its body", () => {
  const answer = (status: string, type: string) => api({ responses: { [status]: json({ type }) } });

  expect(verdicts(answer("200", "string"), answer("201", "integer"))).toEqual([
    "breaking success-status-changed",
    "breaking type-changed",
  ]);
});

test("a header that was always there and is gone is breaking", () => {
  const headers = { "X-A": { required: true } };

  expect(verdicts(api({ responses: { "200": { headers } } }), api({ responses: { "200": {} } }))).toEqual([
    "breaking header-removed",
  ]);
});

test("what is read-only concerns answers alone, and what is write-only requests alone", () => {
  const object = (property: object) => ({ type: "object", properties: { a: { type: "string", ...property } } });
  const without = { type: "object", properties: {} };

  expect(verdicts(using("request", without), using("request", object({ readOnly: true })))).toEqual([]);
  expect(verdicts(using("response", without), using("response", object({ readOnly: true })))).toHaveLength(1);
  expect(verdicts(using("response", without), using("response", object({ writeOnly: true })))).toEqual([]);
  expect(verdicts(using("request", without), using("request", object({ writeOnly: true })))).toHaveLength(1);
});

test("one change of a shared schema is one finding for each direction, with all operations that use it", () => {
  const shared = (type: string) => {
    const document = api({ requestBody: json(ref("Thing")) }, { components: { schemas: { Thing: { type } } } });
    document.paths["/things"] = { get: { responses: { "200": json({ type: "array", items: ref("Thing") }) } } };
    document.paths["/others"] = { get: { responses: { "200": json(ref("Thing")) } } };
    return document;
  };

  expect(found(shared("string"), shared("integer"))).toEqual([
    expect.objectContaining({ role: "response", place: "Thing", operations: ["GET /others", "GET /things"] }),
    expect.objectContaining({ role: "request", place: "Thing", operations: ["POST /things/{id}"] }),
  ]);
});

test("a schema that takes the place of another is told by both names", () => {
  const components = { schemas: { A: { type: "string", enum: ["a"] }, B: { type: "string", enum: ["b"] } } };
  const answer = (name: string) => api({ responses: { "200": json(ref(name)) } }, { components });

  expect(found(answer("A"), answer("B")).map(({ message }) => message)).toEqual([
    'B (was A): may be "b" too',
    'B (was A): is never "a" now',
  ]);
});

test("the alternative that changed is found again by its name, its constant, or what it resembles", () => {
  const union = (...members: readonly object[]) => using("request", { oneOf: members });
  const object = (properties: object) => ({ type: "object", properties });
  const text = { type: "string" };

  expect(
    verdicts(
      union(object({ kind: { const: "a" }, x: text }), object({ kind: { const: "b" }, x: text })),
      union(object({ kind: { const: "b" }, x: text, y: text }), object({ kind: { const: "a" }, x: text })),
    ),
  ).toEqual(["compatible property-added"]);
  expect(
    verdicts(
      union(object({ a: text, b: text }), object({ x: text, y: text })),
      union(object({ x: text, y: text, z: text }), object({ a: text, b: text, c: text })),
    ),
  ).toEqual(["compatible property-added", "compatible property-added"]);
});

test("in an answer, a property with a default is there whether it is required or not", () => {
  const object = (detail: object, required: readonly string[]) => ({
    type: "object",
    properties: { detail },
    required,
  });
  const before = object({ type: "string" }, ["detail"]);
  const after = object({ type: "string", default: "Not found" }, []);

  expect(verdicts(using("response", before), using("response", after))).toEqual(["compatible default-added"]);
  expect(verdicts(using("response", after), using("response", before))).toEqual(["risky default-removed"]);
  expect(verdicts(using("request", before), using("request", after))).toEqual([
    "compatible default-added",
    "compatible property-optional",
  ]);
});

test("an integer that became a number is still compared by its range", () => {
  const range = (type: string, minimum: number) => using("request", { type, minimum });

  expect(verdicts(range("integer", 1), range("number", 1))).toEqual(["compatible type-widened"]);
  expect(verdicts(range("integer", 1), range("number", 2))).toEqual([
    "breaking range-narrowed",
    "compatible type-widened",
  ]);
});

test("alternatives that share properties are told apart by name, or by their constant", () => {
  const object = (properties: object) => ({ type: "object", properties: { a: {}, b: {}, c: {}, ...properties } });
  const named = (A: object, B: object) => using("request", { oneOf: [ref("A"), ref("B")] }, { A, B });
  const tagged = (...kinds: string[]) =>
    using("request", { oneOf: kinds.map((kind) => object({ kind: { const: kind } })) });

  const changed = found(
    named(object({ x: {} }), object({ y: {} })),
    named(object({ y: {}, z: {} }), object({ x: {}, z: {} })),
  );
  expect(changed.map(({ place, kind }) => `${place} ${kind}`)).toEqual([
    "A.x property-removed",
    "B.y property-removed",
    "A.y property-added",
    "A.z property-added",
    "B.x property-added",
    "B.z property-added",
  ]);
  expect(verdicts(tagged("cat", "dog"), tagged("cat", "bird"))).toEqual([
    "breaking alternative-removed",
    "compatible alternative-added",
  ]);
});

test("a renamed schema that changed is told by its new name", () => {
  const document = (name: string, type: string) =>
    using("request", ref(name), { [name]: { properties: { a: { type } } } });

  expect(found(document("Old", "string"), document("New", "integer")).map(({ place }) => place)).toEqual(["New.a"]);
});

test("a default is told where it is written, and once for all who inherit it", () => {
  const own = (initial: string) =>
    using("request", { ...ref("Color"), default: initial }, { Color: { type: "string" } });
  const inherited = (initial: string) =>
    using("request", ref("Color"), { Color: { type: "string", default: initial } });
  const places = (...pair: Parameters<typeof found>) => found(...pair).map(({ place }) => place);

  expect(places(own("a"), own("b"))).toEqual(["body.it"]);
  expect(places(own("a"), inherited("b"))).toEqual(["body.it"]);
  expect(places(inherited("a"), inherited("b"))).toEqual(["Color"]);
});

test("a schema that values must match here and must not match there is judged for both", () => {
  const document = (maxLength: number) =>
    using(
      "request",
      { type: "object", properties: { a: ref("Text"), b: { not: ref("Text") } } },
      { Text: { type: "string", maxLength } },
    );

  expect(verdicts(document(9), document(8))).toEqual(["breaking range-narrowed", "compatible range-narrowed"]);
});

test("two limits that change in the same way are two findings", () => {
  const exact = { type: "string", minLength: 5, maxLength: 5 };

  expect(found(using("request", { type: "string" }), using("request", exact)).map(({ keyword }) => keyword)).toEqual([
    "maxLength",
    "minLength",
  ]);
});

test("an operation is named once for a change that it meets twice", () => {
  const answer = (type: string) => ({
    content: { "application/json": { schema: { type } }, "application/a+json": { schema: { type } } },
  });

  expect(
    found(api({ responses: { "200": answer("string") } }), api({ responses: { "200": answer("integer") } })),
  ).toEqual([expect.objectContaining({ kind: "type-changed", operations: ["POST /things/{id}"] })]);
});

test("success statuses that changed are paired only when there is one on either side", () => {
  const answering = (...statuses: string[]) =>
    api({ responses: Object.fromEntries(statuses.map((status) => [status, {}])) });

  expect(verdicts(answering("200", "202"), answering("201", "203"))).toEqual([
    "breaking success-status-removed",
    "breaking success-status-removed",
    "risky success-status-added",
    "risky success-status-added",
  ]);
});

test("a first server that is gone is one finding", () => {
  const at = (...urls: string[]) => api({}, { servers: urls.map((url) => ({ url })) });

  expect(verdicts(at("https://a.test", "https://b.test"), at("https://b.test"))).toEqual(["breaking server-removed"]);
});

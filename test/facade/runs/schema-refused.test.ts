import { runInNewContext } from "node:vm";
import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { z as z3 } from "zod/v3";
import { InvalidInputError, type OutputSchema } from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import { Service } from "../../support/service.ts";
import { v3View } from "../../support/views.ts";

/** What each way to run says to a schema that cannot be; nothing must be sent. */
async function refusals(schema: unknown): Promise<unknown[]> {
  const service = new Service();
  const client = service.client();
  // Callers without types pass anything.
  const options = { schema: schema as OutputSchema };
  const ways = [
    () => client.v2.run("x", options),
    () => client.v3.run("x", options),
    () => client.v2.sessions.attach("s1").run("x", options),
    () => client.v3.sessions.attach("s1").start("x", options),
    async () => client.resume({ apiVersion: "v2", id: "t1", sessionId: "s1" }, options),
  ];
  const errors = await Promise.all(ways.map((way) => rejection(way())));
  expect(service.sent).toEqual([]);
  return errors;
}

async function expectRefusal(schema: unknown, ...says: readonly string[]): Promise<void> {
  for (const error of await refusals(schema)) {
    expect(error).toBeInstanceOf(InvalidInputError);
    for (const text of says) expect((error as Error).message).toContain(text);
  }
}

describe("what no JSON can hold is refused, and its place is named", () => {
  const file = z.object({ scans: z.array(z.file()) });
  test.each<[string, unknown, string, string]>([
    [
      "a date of zod's",
      z.object({ a: z.array(z.object({ at: z.date() })) }),
      "properties.a.items.properties.at",
      "Date",
    ],
    ["a coerced date of zod's", z.object({ at: z.coerce.date() }), "properties.at", "Date"],
    ["a default date of zod's", z.object({ at: z.date().default(() => new Date()) }), "properties.at", "Date"],
    ["a bigint of zod's", z.record(z.string(), z.bigint()), "additionalProperties", "BigInt"],
    ["a coerced bigint of zod's", z.tuple([z.coerce.bigint()]), "prefixItems.0", "BigInt"],
    ["a Map of zod's", z.object({ a: z.map(z.string(), z.string()) }), "properties.a", "Map"],
    ["a Set of zod's", z.object({ a: z.set(z.string()) }), "properties.a", "Set"],
    ["undefined of zod's", z.union([z.string(), z.undefined()]), "anyOf.1", "Undefined"],
    ["NaN of zod's", z.object({ a: z.nan() }), "properties.a", "NaN"],
    ["a function of zod's", z.function(), "its root", "Function"],
    ["a symbol of zod's", z.symbol(), "its root", "Symbols"],
    ["a class of zod's", z.object({ a: z.instanceof(URL) }), "properties.a", "Custom"],
    ["a transform of nothing of zod's", z.object({ a: z.transform(String) }), "properties.a", "Transforms"],
    ["a file of zod's", file, "properties.scans.items", "bytes"],
    ["a date of valibot's", toStandardJsonSchema(v.object({ at: v.array(v.date()) })), "properties.at.items", "date"],
    ["a bigint of valibot's", toStandardJsonSchema(v.object({ a: v.bigint() })), "properties.a", "bigint"],
    ["a file of valibot's", toStandardJsonSchema(v.object({ a: v.file() })), "properties.a", "file"],
    ["a Map of valibot's", toStandardJsonSchema(v.map(v.string(), v.string())), "its root", "map"],
    ["a default of valibot's", toStandardJsonSchema(v.optional(v.any(), () => 1n)), "default", "bigint"],
    ["a date of arktype's", type({ a: { at: "Date[]" } }), "properties.a.properties.at.items", "Date"],
    ["a bound date of arktype's", type({ at: "Date > d'2026-01-01'" }), "properties.at", "Date"],
    ["a bigint of arktype's", type({ a: "bigint" }), "properties.a", "bigint"],
    ["one bigint of arktype's", type("1n"), "its root", "1"],
    ["a Map of arktype's", type("Map | string"), "anyOf.1", "Map"],
    ["a function of arktype's", type({ a: "Function" }), "properties.a", "Function"],
    ["a class of arktype's", type.instanceOf(URL), "its root", "URL"],
  ])("%s", async (_, schema, place, kind) => {
    await expectRefusal(schema, "schema cannot be written as JSON Schema (at ", `at ${place}: `, kind, "transform");
  });

  test("by a library that does not find the place, in its own words", async () => {
    const input = () => {
      throw new Error("not in this version");
    };
    const schema = {
      "~standard": { version: 1, vendor: "acme", validate: () => ({ value: 1 }), jsonSchema: { input } },
    };
    await expectRefusal(schema, "schema cannot be written as JSON Schema (not in this version).");
  });
});

describe("a schema without JSON Schema is refused with its library's name, and what to do", () => {
  const acme = { "~standard": { version: 1, vendor: "acme", validate: () => ({ value: 1 }) } };
  test.each<[string, unknown, string, string]>([
    ["valibot without its wrapping", v.object({ a: v.string() }), "valibot", "toStandardJsonSchema()"],
    ["zod 3", z3.object({ a: z3.string() }), "zod", "zod from 4.2 on"],
    ["another library", acme, "acme", "{ jsonSchema, validate }"],
  ])("%s", async (_, schema, vendor, says) => {
    await expectRefusal(schema, `schema is of ${vendor} and gives no JSON Schema.`, says);
  });
});

describe("what is no schema at all is refused", () => {
  test.each<[string, unknown]>([
    ["a text", "object"],
    ["a number", 7],
    ["a list", []],
    ["a function", () => true],
    ["a JSON Schema without its wrapping", { type: "object" }],
    ["a JSON Schema that is a text", { jsonSchema: "{}" }],
    ["a JSON Schema that is a list", { jsonSchema: [] }],
    ["a JSON Schema that is true", { jsonSchema: true }],
    ["a validator alone", { validate: String }],
    ["half a Standard Schema", { "~standard": null }],
    [
      "a Standard Schema without a validator",
      { "~standard": { version: 1, vendor: "acme", jsonSchema: { input: () => ({}) } } },
    ],
  ])("%s", async (_, schema) => {
    await expectRefusal(schema, "schema");
  });

  test("a misspelled validator", async () => {
    await expectRefusal({ jsonSchema: {}, validator: String }, '"validator"');
  });

  test("a validator that is none", async () => {
    await expectRefusal({ jsonSchema: {}, validate: "yes" }, "validate must be a function");
  });
});

describe("a JSON Schema by hand of which something would be lost is refused, and its place is named", () => {
  const loop: Record<string, unknown> = { type: "object" };
  loop["properties"] = { self: loop };
  test.each<[string, Record<string, unknown>, string]>([
    ["an undefined part", { properties: { total: undefined } }, "at properties.total: undefined"],
    ["a function", { properties: { total: { default: () => 1 } } }, "at properties.total.default: function"],
    ["a symbol", { enum: ["a", Symbol("b")] }, "at enum.1: symbol"],
    ["a bigint", { maximum: 1n }, "at maximum: bigint"],
    ["no number", { minimum: Number.NaN }, "at minimum: NaN"],
    ["infinity", { maximum: Number.POSITIVE_INFINITY }, "at maximum: Infinity"],
    ["a Map", { properties: new Map([["a", {}]]) }, "at properties: Map"],
    ["a Set", { required: new Set(["a"]) }, "at required: Set"],
    ["an expression", { pattern: /^a/ }, "at pattern: RegExp"],
    ["an error", { examples: [new Error("a")] }, "at examples.0: Error"],
    ["a circle", loop, "circular"],
    ["a reference into nowhere", { $ref: "#/$defs/Total" }, '$ref "#/$defs/Total" leads nowhere'],
    ["a hidden one", { anyOf: [{ items: { $ref: "#/$defs/a~1b" } }], $defs: { ab: {} } }, "leads nowhere"],
    ["one behind another", { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" } } }, "leads nowhere"],
    ["one into what all objects have", { $ref: "#/constructor" }, "leads nowhere"],
  ])("%s", async (_, jsonSchema, says) => {
    await expectRefusal({ jsonSchema }, "schema.jsonSchema cannot be sent (", says);
  });

  test("but not one that is deep, large, or refers to what is there", async () => {
    const deep = Array.from({ length: 500 }).reduce<object>((items) => ({ type: "array", items }), {});
    const many = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, index) => [`field${index}`, { type: "string" }]),
    );
    const shared = { type: "string", default: new Date(0) };
    const schemas: Record<string, unknown>[] = [
      runInNewContext("({ properties: { a: {} } })"),
      Object.assign(Object.create(null), { type: "object" }),
      { items: deep },
      { type: "object", properties: many },
      { properties: { a: shared, b: shared } },
      { $ref: "#/$defs/a~1b%20c", $defs: { "a/b c": {} } },
      { items: { $ref: "#" }, anyOf: [{ $ref: "https://json.schemastore.org/package" }, { $ref: "#anchor" }] },
      { properties: { $ref: { type: "string" } }, prefixItems: [{}, { $ref: "#/prefixItems/0" }] },
    ];
    const client = new Service().client();
    for (const jsonSchema of schemas)
      client.resume({ apiVersion: "v2", id: "t1", sessionId: "s1" }, { schema: { jsonSchema } });
  });

  test("and what is sent does not change with what the caller does to it later", async () => {
    const jsonSchema: Record<string, unknown> = { type: "number" };
    const service = new Service()
      .on("GET /v3/sessions/s1", () => {
        jsonSchema["type"] = "string";
        return v3View();
      })
      .on("GET /v3/sessions/s1/messages", { messages: [], hasMore: false })
      .on("POST /v3/sessions", v3View({ status: "running" }));
    await service.client().v3.sessions.attach("s1").start("x", { schema: { jsonSchema } });
    expect(service.bodies("POST /v3/sessions")).toMatchObject([{ outputSchema: { type: "number" } }]);
  });
});

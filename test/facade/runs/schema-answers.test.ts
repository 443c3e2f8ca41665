import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { OutputSchema, StandardSchema } from "../../../src/index.ts";
import { useFastTime } from "../../support/service.ts";
import { refusalOf, runV2, runV3, v2 } from "./schema-service.ts";

useFastTime();

const Receipt = z.object({ total: z.number() });

describe("text is read as the JSON that it is as a whole", () => {
  test.each<[string, string]>([
    ["plain", '{"total":42}'],
    ["with space around", ' \n{"total":42}\n'],
    ["in a fence", '```json\n{"total":42}\n```'],
    ["in a fence without a name", '\n```\n{"total":42}\n```\n'],
    ["in a fence on lines of Windows", '```JSON\r\n{"total":42}\r\n```'],
  ])("%s", async (_, text) => {
    expect((await runV2(text, Receipt)).output).toEqual({ total: 42 });
    expect((await runV3(text, Receipt)).output).toEqual({ total: 42 });
  });

  test.each<[string, string]>([
    ["prose before it", 'The answer is {"total":42}'],
    ["prose after it", '{"total":42} is the answer'],
    ["prose around a fence", 'Here:\n```json\n{"total":42}\n```'],
    ["two fences", '```json\n{"total":42}\n```\n```json\n{"total":43}\n```'],
    ["no end", '{"total":42'],
    ["NaN in it", '{"total":NaN}'],
    ["nothing in it", ""],
    ["JSON within JSON", JSON.stringify('{"total":42}')],
  ])("so that %s is refused, and kept", async (_, text) => {
    expect((await refusalOf(runV2(text, Receipt))).result.output).toBe(text);
    expect((await refusalOf(runV3(text, Receipt))).result.output).toBe(text);
  });

  test("also when the fence has fences in its texts", async () => {
    const text = '```json\n{"a":"```js\\n1\\n```"}\n```';
    expect((await runV2(text, z.object({ a: z.string() }))).output).toEqual({ a: "```js\n1\n```" });
  });

  test("in no time, however it is made", async () => {
    const fences = "```\n".repeat(50_000);
    expect((await refusalOf(runV2(fences, Receipt))).result.output).toBe(fences);
    const spaces = `\`\`\`${" \n".repeat(50_000)}`;
    expect((await refusalOf(runV2(spaces, Receipt))).result.output).toBe(spaces);
  });
});

describe("null is an answer where the schema takes it, and only there", () => {
  const taking = z.string().nullable();
  test("as nothing, and as the text that says so", async () => {
    expect((await runV2(null, taking)).output).toBeNull();
    expect((await runV2("null", taking)).output).toBeNull();
    expect((await runV3(null, taking)).output).toBeNull();
  });

  test("and is not passed off as a text", async () => {
    expect(await refusalOf(runV2("null", z.string()))).toMatchObject({ result: { output: "null" } });
    expect(await refusalOf(runV3("null", { jsonSchema: { type: "string" } }))).toMatchObject({
      issues: [{ path: [] }],
    });
    expect(await refusalOf(runV2(null, z.string()))).toMatchObject({ result: { output: null } });
  });

  test("while an empty text is a text", async () => {
    expect((await runV2("", z.string())).output).toBe("");
    expect((await runV3("", z.string())).output).toBe("");
  });
});

test("an agent that says it failed is taken at its schema all the same, and the error says that it failed", async () => {
  const failed = await v2('{"total":42}', false).client().v2.sessions.open();
  expect(await failed.run("x", { schema: Receipt })).toMatchObject({ success: false, output: { total: 42 } });
  const excused = await v2("The site is down.", false).client().v2.sessions.open();
  expect(await refusalOf(excused.run("x", { schema: Receipt }))).toMatchObject({
    result: { success: false, output: "The site is down." },
  });
});

describe("a whole number that JavaScript would change", () => {
  const id = "12345678901234567890";
  test.each<[string, OutputSchema]>([
    ["zod", z.object({ ids: z.array(z.number()) })],
    ["zod that makes texts of all", z.object({ ids: z.array(z.coerce.string()) })],
    ["valibot", toStandardJsonSchema(v.object({ ids: v.array(v.number()) }))],
    ["arktype", type({ ids: "number[]" })],
    ["one by hand", { jsonSchema: { type: "object" } }],
    ["one by hand that takes anything", { jsonSchema: {}, validate: (value) => value }],
  ])("is refused, with its place: %s", async (_, schema) => {
    const issues = [{ path: ["ids", 1], message: expect.stringContaining("text") }];
    const text = `{"ids":[1,${id}]}`;
    if (!("validate" in schema)) expect(await refusalOf(runV2(text, schema))).toMatchObject({ issues });
    expect(await refusalOf(runV3(JSON.parse(text), schema))).toMatchObject({ issues });
  });

  test("is whole in a text that the schema takes as one", async () => {
    expect((await runV2(id, z.string())).output).toBe(id);
    expect((await runV2(id, z.string().transform(BigInt))).output).toBe(12345678901234567890n);
    expect((await runV2(`"${id}"`, z.number().or(z.string()))).output).toBe(id);
    expect((await runV3({ id }, z.object({ id: z.string() }))).output).toEqual({ id });
  });

  test.each([
    ["9007199254740993"],
    ["-9007199254740993"],
    ["9400100000000000000000"],
    ["1e400"],
    ["12345678901234567.89"],
  ])("is refused also when it is %s", async (text) => {
    expect(await refusalOf(runV2(text, z.number()))).toMatchObject({ result: { output: text } });
    expect(await refusalOf(runV2(text, { jsonSchema: { type: "number" } }))).toMatchObject({ issues: [{ path: [] }] });
  });

  test.each([
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
    ["-9007199254740991", Number.MIN_SAFE_INTEGER],
    ["0.1234567890123456789", 0.12345678901234568],
    ["-0", -0],
    ["1e-400", 0],
  ])("is not %s", async (text, output) => {
    expect((await runV2(text, z.number())).output).toBe(output);
  });
});

describe("codeMode answers with the code beside the answer, and the schema is for the answer", () => {
  const code = "print(42)";
  test("which is output, and else text", async () => {
    expect((await runV3({ text: "It is 42.", code, output: { total: 42 } }, Receipt)).output).toEqual({ total: 42 });
    expect((await runV3({ text: "It is 42.", code, output: '{"total":42}' }, Receipt)).output).toEqual({ total: 42 });
    expect((await runV3({ text: '{"total":42}', code }, Receipt)).output).toEqual({ total: 42 });
    expect((await runV3({ text: "It is 42.", code }, z.string())).output).toBe("It is 42.");
    expect((await runV3({ text: "None.", code, output: null }, Receipt.nullable())).output).toBeNull();
  });

  test("which is not mistaken for what stands beside it", async () => {
    const said = z.object({ text: z.string() });
    expect((await runV3({ text: "a", code, output: { text: "b" } }, said)).output).toEqual({ text: "b" });
    expect(await refusalOf(runV3({ text: "42", code, output: "x" }, z.number()))).toMatchObject({
      result: { output: { text: "42", code, output: "x" } },
    });
  });

  test("while everything is kept, as it came", async () => {
    const answer = { text: "It is 42.", code, output: { total: 42 } };
    expect((await runV3(answer, Receipt)).raw).toMatchObject({ output: answer });
    const wrong = { ...answer, output: { total: "42" } };
    const error = await refusalOf(runV3(wrong, Receipt));
    expect(error).toMatchObject({ issues: [{ path: ["total"] }], result: { output: wrong, raw: { output: wrong } } });
  });

  test("and other answers with such fields are answers as a whole", async () => {
    const coupon = { text: "10% off", code: "SAVE10" };
    expect((await runV3(coupon, z.object({ text: z.string(), code: z.string() }))).output).toEqual(coupon);
    const dated = { ...coupon, until: null };
    expect((await runV3(dated, z.unknown())).output).toEqual(dated);
    expect((await runV2(JSON.stringify(coupon), z.unknown())).output).toEqual(coupon);
  });
});

describe("a JSON Schema by hand without a validator", () => {
  const $defs = { receipt: { properties: { total: {} } } };
  test.each<[string, Record<string, unknown>]>([
    ["a reference", { $ref: "#/$defs/receipt", $defs }],
    ["a reference to a reference", { $ref: "#/$defs/a", $defs: { ...$defs, a: { $ref: "#/$defs/receipt" } } }],
    ["a union", { anyOf: [{ type: "object" }, { type: "null" }] }],
    ["properties alone", { properties: { total: {} } }],
  ])("does not take prose for data by %s", async (_, jsonSchema) => {
    expect((await runV2('{"total":42}', { jsonSchema })).output).toEqual({ total: 42 });
    expect(await refusalOf(runV2("It is 42.", { jsonSchema }))).toMatchObject({ result: { output: "It is 42." } });
  });

  test("goes in no circles", async () => {
    const jsonSchema = { anyOf: [{ $ref: "#" }, { $ref: "#" }, { $ref: "#" }, { type: "object" }] };
    expect((await runV2('{"total":42}', { jsonSchema })).output).toEqual({ total: 42 });
  });
});

/** A schema whose validator does as it is told. */
function acme(validate: (value: unknown) => unknown): StandardSchema {
  const jsonSchema = { input: () => ({ type: "object" }) };
  // What a broken library gives is not what the types say.
  return { "~standard": { version: 1, vendor: "acme", jsonSchema, validate } } as StandardSchema;
}

describe("a validator that fails loses no answer", () => {
  const cases: readonly [string, () => unknown][] = [
    ["throws an error", () => fail(new Error("broken"))],
    ["throws a text", () => fail("broken")],
    ["throws nothing", () => fail(undefined)],
    ["throws a symbol", () => fail(Symbol("broken"))],
    ["throws what has no text", () => fail(Object.create(null))],
    ["rejects", async () => fail(new Error("broken"))],
    ["rejects with nothing", async () => fail(null)],
    ["gives nothing", () => undefined],
    ["gives issues without messages", () => ({ issues: [{}] })],
    ["gives issues that are none", () => ({ issues: 7 })],
    ["gives a path into nothing", () => ({ issues: [{ message: "broken", path: [null, { key: Symbol("a") }] }] })],
    ["gives no reason", () => ({ issues: [] })],
  ];
  test.each(cases)("when it %s", async (_, validate) => {
    const answer = { total: 42 };
    const error = await refusalOf(runV3(answer, acme(validate)));
    expect(error).toMatchObject({ code: "output_validation", result: { output: answer, raw: { output: answer } } });
    expect(error.message).toContain("answered what does not fit the schema");
  });

  test.each(cases.slice(0, 7))("by hand when it %s", async (_, validate) => {
    const error = await refusalOf(runV2('{"total":42}', { jsonSchema: {}, validate }));
    expect(error.result).toMatchObject({ output: '{"total":42}', raw: { output: '{"total":42}' } });
  });

  test("and what it threw is the cause", async () => {
    const mine = new Error("mine");
    expect(
      (
        await refusalOf(
          runV3(
            {},
            acme(async () => fail(mine)),
          ),
        )
      ).cause,
    ).toBe(mine);
  });
});

function fail(cause: unknown): never {
  throw cause;
}

describe("what is said about an answer does not repeat it", () => {
  const secret = 'tok_"3f9a\n…';
  const said = { k: secret, n: secret, o: { deep: [secret] }, list: [secret], plain: "tok_3f9a" };
  test.each<[string, OutputSchema]>([
    ["zod", z.strictObject({ k: z.enum(["a"]), n: z.email(), o: z.literal("a"), list: z.array(z.url()) })],
    [
      "valibot",
      toStandardJsonSchema(
        v.object({
          k: v.picklist(["a"]),
          n: v.pipe(v.string(), v.email(), v.minLength(99)),
          o: v.literal("a"),
          list: v.array(v.number()),
        }),
      ),
    ],
    ["arktype", type({ k: "'a'", n: "string.email", o: "'a'", list: "number.integer[]" })],
    ["arktype's union", type({ k: "'a'" }).or({ k: "'b'" })],
    ["one that throws", z.object({ plain: z.string().transform((text) => JSON.parse(text)) })],
  ])("%s", async (_, schema) => {
    const { message, issues } = await refusalOf(runV3(said, schema));
    expect(issues.length).toBeGreaterThan(0);
    const shown = message + JSON.stringify(issues.map((issue) => issue.message));
    expect(shown).not.toContain("3f9a");
  });

  test("but says what is wrong, and where", async () => {
    const schema = z.object({ items: z.array(z.object({ price: z.number() })) });
    const { issues } = await refusalOf(runV3({ items: [{ price: 1 }, { price: "free" }] }, schema));
    expect(issues).toEqual([
      { path: ["items", 1, "price"], message: "Invalid input: expected number, received string" },
    ]);
    const kinds = await refusalOf(runV3("c", type("'a' | 'b'")));
    expect(kinds.issues).toEqual([{ path: [], message: 'must be "a" or "b" (was "…")' }]);
  });

  test("nor without end", async () => {
    const many = Array.from({ length: 5_000 }, () => "x".repeat(1_000));
    const { message, issues } = await refusalOf(runV3(many, z.array(z.number())));
    expect(issues).toHaveLength(21);
    expect(issues.at(-1)).toEqual({ path: [], message: "and 4980 more" });
    expect(message.length).toBeLessThan(8_000);
    const wordy = acme((value) => ({
      issues: [{ message: `not ${JSON.stringify(value)}`, path: ["k".repeat(9_999)] }],
    }));
    const long = await refusalOf(runV3({ a: "y".repeat(1_000_000) }, wordy));
    expect(long.message.length).toBeLessThan(500);
    expect(long.message).not.toContain("yyy");
    const chatty = acme(() => ({ issues: [{ message: "no ".repeat(1_000) }] }));
    expect((await refusalOf(runV3({}, chatty))).message.length).toBeLessThan(500);
  });

  test("and its issues are plain data, whatever the library has", async () => {
    const { issues } = await refusalOf(runV3({ a: [1] }, type({ a: "string[]" })));
    expect(Object.getPrototypeOf(issues)).toBe(Array.prototype);
    expect(issues).toStrictEqual([{ path: ["a", 0], message: "a[0] must be a string (was a number)" }]);
  });
});

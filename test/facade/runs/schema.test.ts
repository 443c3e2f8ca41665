import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { OutputSchema, OutputValidationError } from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import { useFastTime } from "../../support/service.ts";
import { v2Session, v3View } from "../../support/views.ts";
import { runV2, runV3, v2, v3 } from "./schema-service.ts";

useFastTime();

const readV2 = async <T>(output: string | null, schema: OutputSchema<T>) => (await runV2(output, schema)).output;
const readV3 = async <T>(output: unknown, schema: OutputSchema<T>) => (await runV3(output, schema)).output;

const Receipt = z.object({
  total: z.string().transform(Number),
  currency: z.string().default("EUR"),
});
const ASKED_FOR = {
  type: "object",
  properties: { total: { type: "string" }, currency: { type: "string", default: "EUR" } },
  required: ["total"],
};

test("What is asked of the agent is what the schema takes in, as text on v2 and as an object on v3", async () => {
  const [text, object] = [v2('{"total":"42"}'), v3({ total: "42" })];
  await (await text.client().v2.sessions.open()).run("Read the total", { schema: Receipt });
  await (await object.client().v3.sessions.open()).run("Read the total", { schema: Receipt });
  const [sent] = text.bodies("POST /v2/tasks") as { structuredOutput: string }[];
  expect(JSON.parse(sent?.structuredOutput ?? "")).toMatchObject(ASKED_FOR);
  expect(object.bodies("POST /v3/sessions").at(-1)).toMatchObject({ outputSchema: ASKED_FOR });
});

test("One-shot runs ask for it in the same way", async () => {
  const text = v2('{"total":"42"}').on("PATCH /v2/sessions/s1", v2Session({ status: "stopped" }));
  await text.client().v2.run("Read the total", { schema: Receipt });
  const [sent] = text.bodies("POST /v2/tasks") as { structuredOutput: string }[];
  expect(JSON.parse(sent?.structuredOutput ?? "")).toMatchObject(ASKED_FOR);
  const object = v3({ total: "42" })
    .on("GET /v3/sessions/s1", v3View({ status: "stopped", stepCount: 1, output: { total: "42" } }))
    .on("POST /v3/sessions/s1/stop", v3View({ status: "stopped" }));
  expect((await object.client().v3.run("Read the total", { schema: Receipt })).output).toEqual({
    total: 42,
    currency: "EUR",
  });
  expect(object.bodies("POST /v3/sessions")).toMatchObject([{ outputSchema: ASKED_FOR }]);
});

test("What comes back is what the schema gives out, from text or from an object", async () => {
  const out = { total: 42, currency: "EUR" };
  expect(await readV2('{"total":"42"}', Receipt)).toEqual(out);
  expect(await readV3({ total: "42" }, Receipt)).toEqual(out);
  expect(await readV3('{"total":"42"}', Receipt)).toEqual(out);
});

test.each<[string, z.ZodType, string, unknown]>([
  ["a number", z.number(), "42", 42],
  ["a text that looks like a number", z.string(), "42", "42"],
  ["a text that is no JSON", z.string(), "forty-two", "forty-two"],
  ["a text in quotes", z.string(), '"42"', "42"],
  ["a list", z.array(z.number()), "[1,2]", [1, 2]],
  ["an answer that may be missing", z.string().nullable(), "null", null],
])("Text is read as what the schema wants: %s", async (_, schema, text, output) => {
  expect(await readV2(text, schema)).toEqual(output);
});

test("An asynchronous schema is waited for", async () => {
  const schema = z.object({ total: z.string().refine(async (text) => text === "42") });
  expect(await readV3({ total: "42" }, schema)).toEqual({ total: "42" });
  expect(await rejection(readV3({ total: "43" }, schema))).toMatchObject({ code: "output_validation" });
});

test("A schema is asked as a method of its own", async () => {
  const byHand = {
    jsonSchema: {},
    rate: 2,
    validate(value: unknown) {
      return Number(value) * this.rate;
    },
  };
  const { rate: _, ...parts } = byHand;
  const schema = Object.assign(Object.create({ rate: 2 }), parts) as OutputSchema<number>;
  expect(await readV2("21", schema)).toBe(42);
  class Library {
    readonly kind = "number";
    input() {
      return { type: this.kind };
    }
  }
  const standard = { version: 1, vendor: "acme", jsonSchema: new Library(), validate: (value: number) => ({ value }) };
  expect(await readV2("42", { "~standard": standard } as OutputSchema)).toBe(42);
});

test("A schema is asked no more often than it must be", async () => {
  let asked = 0;
  const validate = (value: unknown) => {
    asked++;
    return value;
  };
  await readV2('{"total":1}', { jsonSchema: {}, validate });
  expect(asked).toBe(1);
});

describe("an answer that does not fit", () => {
  test("is kept, with what the schema said about it", async () => {
    const error = (await rejection(readV2('{"total":7}', Receipt))) as OutputValidationError;
    expect(error).toMatchObject({
      code: "output_validation",
      issues: [{ path: ["total"], message: expect.stringContaining("string") }],
      result: { status: "finished", success: true, output: '{"total":7}' },
    });
  });

  test("is complained about as an object, not as the text that it came in", async () => {
    const error = (await rejection(
      readV2('{"items":[{"price":"x"}]}', z.object({ items: z.array(z.object({ price: z.number() })) })),
    )) as OutputValidationError;
    expect(error.issues).toMatchObject([{ path: ["items", 0, "price"] }]);
    expect(error.message).toContain("items.0.price");
  });

  test("that is missing is no exception", async () => {
    expect(await rejection(readV2(null, Receipt))).toMatchObject({
      code: "output_validation",
      result: { output: null },
    });
  });

  test("is kept also when the schema throws instead of complaining", async () => {
    const mine = new Error("mine");
    const schema = z.string().transform(() => {
      throw mine;
    });
    expect(await rejection(readV3("forty-two", schema))).toMatchObject({
      code: "output_validation",
      cause: mine,
      issues: [{ path: [], message: "mine" }],
      result: { output: "forty-two" },
    });
  });
});

describe("a JSON Schema by hand", () => {
  const jsonSchema = { type: "object", properties: { total: { type: "number" } } };

  test("goes to the service as it is", async () => {
    const service = v3({ total: 42 });
    await (await service.client().v3.sessions.open()).run("Read the total", { schema: { jsonSchema } });
    expect(service.bodies("POST /v3/sessions").at(-1)).toMatchObject({ outputSchema: jsonSchema });
  });

  test("gives what its validator gives, or what was read when it has none", async () => {
    const validate = async (value: unknown) => (value as { total: number }).total;
    expect(await readV2('{"total":42}', { jsonSchema, validate })).toBe(42);
    expect(await readV2('{"total":42}', { jsonSchema })).toEqual({ total: 42 });
    expect(await readV3({ total: 42 }, { jsonSchema })).toEqual({ total: 42 });
  });

  test.each([
    ["a text stays a text", { type: "string" }, "42", "42"],
    ["a number is read", { type: "integer" }, "42", 42],
    ["either of two", { type: ["string", "null"] }, "null", null],
    ["anything", {}, "42", 42],
  ])("reads text by its outermost type: %s", async (_, schema, text, output) => {
    expect(await readV2(text, { jsonSchema: schema })).toBe(output);
  });

  test.each([
    ["no object", '"42"'],
    ["no JSON", "The total is 42"],
    ["nothing", null],
  ])("without a validator does not pass off %s as an object", async (_, answer) => {
    expect(await rejection(readV2(answer, { jsonSchema }))).toMatchObject({ code: "output_validation" });
  });
});

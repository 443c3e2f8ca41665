import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { smallest } from "../../../src/emulator/agent.ts";
import { readerOf } from "../../../src/facade/runs/schema.ts";
import type { OutputSchema, StandardSchema } from "../../../src/index.ts";
import { useFastTime } from "../../support/service.ts";
import { cases } from "./schema-cases.ts";
import { v2, v3 } from "./schema-service.ts";

useFastTime();

const DIALECT = "https://json-schema.org/draft/2020-12/schema";
const isLibrary = (schema: OutputSchema): schema is StandardSchema => "~standard" in schema;

test.each(cases)("$library: $name is asked for, and gives its output", async ({ schema, writes, gives }) => {
  const [text, object] = [v2(JSON.stringify(writes)), v3(writes)];
  const fromText = await (await text.client().v2.sessions.open()).run("Go", { schema });
  const fromObject = await (await object.client().v3.sessions.open()).run("Go", { schema });
  expect([fromText.output, fromObject.output]).toEqual([gives, gives]);
  const [{ structuredOutput = "" } = {}] = text.bodies("POST /v2/tasks") as { structuredOutput?: string }[];
  const { outputSchema } = object.bodies("POST /v3/sessions").at(-1) as { outputSchema: object };
  expect(JSON.parse(structuredOutput)).toEqual(outputSchema);
  expect(outputSchema).toMatchObject({ $schema: DIALECT });
  // An opinion of its own: what the agent wrote fits what it was asked for.
  const fits = new Ajv2020({ strict: false, validateFormats: false }).compile(outputSchema);
  expect(fits(writes) || fits.errors).toBe(true);
});

/** Of these their JSON Schema says less than the agent would have to know. */
const MORE_THAN_SAID = ["yes and no"];
const sayable = cases.filter(({ name }) => !MORE_THAN_SAID.includes(name));

test.each(sayable)("$library: the emulator's agent answers $name by itself", async ({ schema }) => {
  const { jsonSchema, read } = readerOf(schema);
  expect(await read(smallest(jsonSchema, jsonSchema))).not.toHaveProperty("issues");
});

/** valibot by itself refuses these, which only the validation of the answer can see to. */
const CHECKS = ["a brand", "a check", "what is not to be changed"];
const unchanged = cases.filter(({ library, name }) => library !== "valibot" || !CHECKS.includes(name));

test.each(unchanged)("$library: $name is written as its library writes it", ({ schema }) => {
  const own = isLibrary(schema) && schema["~standard"].jsonSchema?.input({ target: "draft-2020-12" });
  expect(readerOf(schema).jsonSchema).toEqual(own);
});

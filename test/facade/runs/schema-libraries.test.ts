import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { startEmulator } from "../../../src/emulator/index.ts";
import { BrowserUse, type OutputSchema } from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";

/** A cloud whose agent answers what it is told to, or by itself. */
async function cloudOf(answer?: unknown) {
  const options = answer === undefined ? {} : { onTask: () => answer };
  const cloud = await startEmulator({ port: 0, startDelayMs: 1, maxSessions: 100, ...options });
  return {
    browserUse: new BrowserUse({ baseUrl: cloud.url, apiKey: cloud.apiKey }),
    [Symbol.asyncDispose]: () => cloud[Symbol.asyncDispose](),
  };
}

/** Every way to run a task with a schema. */
async function everyWay(browserUse: BrowserUse, schema: OutputSchema): Promise<unknown[]> {
  await using v2 = await browserUse.v2.sessions.open();
  await using v3 = await browserUse.v3.sessions.open();
  const sessions = [v2.run("Go", { schema }), v3.run("Go", { schema })];
  const shots = [browserUse.v2.run("Go", { schema }), browserUse.v3.run("Go", { schema })];
  const results = await Promise.all([...sessions, ...shots]);
  for (const run of [await v2.start("Go", { schema }), await v3.start("Go", { schema })]) {
    // As in another process: nothing but what was saved is left of the run.
    results.push(await browserUse.resume(JSON.parse(JSON.stringify(run)), { schema }).result());
  }
  return results.map(({ output }) => output);
}

const LIBRARIES = [
  ["zod", z.object({ total: z.string().transform(Number), currency: z.string().default("EUR") })],
  [
    "valibot",
    toStandardJsonSchema(
      v.object({ total: v.pipe(v.string(), v.transform(Number)), currency: v.optional(v.string(), "EUR") }),
    ),
  ],
  ["arktype", type({ total: "string.numeric.parse", currency: "string = 'EUR'" })],
] as const;

describe.each(LIBRARIES)("%s", (_, schema) => {
  test("gives its output on both versions, in sessions, one-shots and runs that are picked up", async () => {
    await using cloud = await cloudOf({ total: "42.5" });
    const outputs = await everyWay(cloud.browserUse, schema);
    expect(outputs).toEqual(Array(6).fill({ total: 42.5, currency: "EUR" }));
  });

  test("refuses what does not fit on both versions, in sessions, one-shots and runs that are picked up", async () => {
    await using cloud = await cloudOf({ total: 42.5 });
    const { browserUse } = cloud;
    await using v2 = await browserUse.v2.sessions.open();
    await using v3 = await browserUse.v3.sessions.open();
    const dispatched = [await v2.start("Go"), await v3.start("Go")];
    const resumed = dispatched.map((run) => browserUse.resume(run.toJSON(), { schema }).result());
    const shots = [browserUse.v2.run("Go", { schema }), browserUse.v3.run("Go", { schema })];
    const early = await Promise.all([...resumed, ...shots].map(rejection));
    const late = await Promise.all([v2.run("Go", { schema }), v3.run("Go", { schema })].map(rejection));
    const refusal = { code: "output_validation", issues: [{ path: ["total"] }] };
    expect([...early, ...late]).toMatchObject(Array(6).fill(refusal));
  });
});

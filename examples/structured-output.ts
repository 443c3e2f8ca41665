/**
 * Answers as data: one invoice, read three times, with the schema library of your choice.
 *
 *     npx tsx examples/structured-output.ts     on the built-in emulator; nothing leaves this machine
 */
import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import { BrowserUse, OutputValidationError } from "browser-use-client";
import { startEmulator } from "browser-use-client/emulator";
import * as v from "valibot";
import { z } from "zod";

// JSON has no dates and no big integers. The agent writes text, which the schema turns into what you want.
const withZod = z.object({
  number: z.string().regex(/^\d+$/).transform(BigInt),
  dueAt: z.iso.datetime().transform((text) => new Date(text)),
  currency: z.string().default("EUR"),
  lines: z.array(
    z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("goods"), price: z.number() }),
      z.object({ kind: z.literal("discount"), percent: z.number() }),
    ]),
  ),
});

const withValibot = toStandardJsonSchema(
  v.object({
    number: v.pipe(
      v.string(),
      v.digits(),
      v.transform((text) => BigInt(text)),
    ),
    dueAt: v.pipe(
      v.string(),
      v.isoTimestamp(),
      v.transform((text) => new Date(text)),
    ),
    currency: v.optional(v.string(), "EUR"),
  }),
);

const withArktype = type({
  number: "string.integer",
  dueAt: "string.date.iso.parse",
  currency: "string = 'EUR'",
});

/** Plays the agent: what it writes is JSON, and fits the input side of all three. */
const invoice = {
  number: "12345678901234567890",
  dueAt: "2026-03-01T10:00:00Z",
  lines: [
    { kind: "goods", price: 40 },
    { kind: "discount", percent: 5 },
  ],
};

await using cloud = await startEmulator({
  port: 0,
  onTask: ({ task }) => (/total/.test(task) ? "About 38 EUR." : invoice),
});
const browserUse = new BrowserUse({ baseUrl: cloud.url, apiKey: cloud.apiKey });
await using session = await browserUse.v3.sessions.open();
const task = "Open the newest invoice and read it.";

const a = (await session.run(task, { schema: withZod })).output;
const goods = a.lines.map((line) => (line.kind === "goods" ? line.price : 0));
console.log(
  `zod:     ${a.number + 1n} comes after ${a.number}; due in ${a.dueAt.getUTCFullYear()}; ${goods[0]} ${a.currency}`,
);

const b = (await session.run(task, { schema: withValibot })).output;
console.log(`valibot: ${b.number}, due in ${b.dueAt.getUTCFullYear()}, in ${b.currency}`);

const c = (await session.run(task, { schema: withArktype })).output;
console.log(`arktype: ${c.number}, due in ${c.dueAt.getUTCFullYear()}, in ${c.currency}`);

// What does not fit is an error, and the answer that was paid for is on it.
const total = z.object({ total: z.number() });
try {
  await session.run("Say the total of the newest invoice.", { schema: total });
} catch (error) {
  if (!(error instanceof OutputValidationError)) throw error;
  console.log(`refused: ${error.issues.map(({ message }) => message).join("; ")}. It said: ${error.result.output}`);
}

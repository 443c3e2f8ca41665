import { z } from "zod";
import type {
  BrowserUse,
  OutputValidationError,
  Run,
  RunReference,
  RunResult,
  RunStatus,
  Step,
  V2Session,
  V2Task,
  V3Session,
  V3View,
  V4RunView,
} from "../../src/index.ts";
import { same } from "./equal.ts";

declare const browserUse: BrowserUse;
declare const v2: V2Session;
declare const v3: V3Session;

const Receipt = z.object({ total: z.string().transform(Number), currency: z.string().default("EUR") });
type ReceiptOut = { total: number; currency: string };
const byHand = { jsonSchema: { type: "object" }, validate: (value: unknown) => new Date(String(value)) };

// Without a schema: v2 answers with text or nothing, v3 with anything.
export async function withoutSchema() {
  const text = await v2.run("Go");
  same<typeof text, RunResult<string | null>>();
  const again = await browserUse.v2.run("Go", { maxSteps: 3 });
  same<(typeof again)["output"], string | null>();
  const started = await v2.start("Go");
  same<typeof started, Run<string | null>>();
  const anything = await v3.run("Go");
  same<(typeof anything)["output"], unknown>();
  const shot = await browserUse.v3.run("Go");
  same<(typeof shot)["output"], unknown>();
  // @ts-expect-error: what v3 answers has to be looked at before it is used
  anything.output.total;
  // @ts-expect-error: v2 may have answered nothing
  text.output.length;
}

// With a schema: what the schema gives out, not what it takes in.
export async function withSchema() {
  const results = [
    await v2.run("Go", { schema: Receipt }),
    await v3.run("Go", { schema: Receipt }),
    await browserUse.v2.run("Go", { schema: Receipt }),
    await browserUse.v3.run("Go", { schema: Receipt }),
    await (await v2.start("Go", { schema: Receipt })).result(),
    await (await v3.start("Go", { schema: Receipt })).result(),
  ] as const;
  same<(typeof results)[number]["output"], ReceiptOut>();
  const dated = await v3.run("Go", { schema: byHand });
  same<(typeof dated)["output"], Date>();
  const claimed = await v3.run<{ total: number }>("Go", { schema: { jsonSchema: { type: "object" } } });
  same<(typeof claimed)["output"], { total: number }>();
  // @ts-expect-error: a JSON Schema alone is no schema: it is wrapped
  await v3.run("Go", { schema: { type: "object" } });
}

export function resumed(reference: RunReference) {
  const run = browserUse.resume(reference);
  same<typeof run, Run<unknown>>();
  const typed = browserUse.resume(reference, { schema: Receipt });
  same<typeof typed, Run<ReceiptOut>>();
  same<ReturnType<typeof run.toJSON>, RunReference>();
  // @ts-expect-error: a v3 reference has a baseline
  browserUse.resume({ apiVersion: "v3", id: "s1", sessionId: "s1" });
  // @ts-expect-error: a run is no promise
  run.then(() => {});
}

// Results and steps.
same<RunResult["success"], boolean | null>();
same<RunResult["costUsd"], number | null>();
same<RunResult["startedAt"], Date | null>();
same<RunResult["raw"], V2Task | V3View | V4RunView>();
same<Step["number"], number>();
same<OutputValidationError<RunResult>["result"], RunResult>();

// A status that is not known today is no type error, and known ones are completed.
export const statuses: RunStatus[] = ["finished", "idle", "superseded", "a status of tomorrow"];
// @ts-expect-error: a status is a text
export const noStatus: RunStatus = 7;

export async function options(signal: AbortSignal) {
  await v2.run("Go", { signal, waitTimeoutMs: 1, onStep: (step) => step.summary });
  await v3.run("Go", { signal, waitTimeoutMs: 1, onStep: async (step) => void step.screenshotUrl });
  await v2.start("Go", { signal, timeoutMs: 1, maxRetries: 0 });
  for await (const step of (await v3.start("Go")).steps({ waitTimeoutMs: 1 })) step.raw;
  // @ts-expect-error: misspelled
  await v2.run("Go", { maxStep: 3 });
  // @ts-expect-error: misspelled
  await v3.run("Go", { maxCostUSD: 3 });
  // @ts-expect-error: the handle says which session it is
  await v2.run("Go", { sessionId: "s2" });
  // @ts-expect-error: a schema is passed as schema
  await v2.run("Go", { structuredOutput: "{}" });
  // @ts-expect-error: a schema is passed as schema
  await v3.run("Go", { outputSchema: {} });
  // @ts-expect-error: it belongs to the opening
  await v3.run("Go", { profileId: "p1" });
  // @ts-expect-error: it belongs to the opening
  await v3.run("Go", { keepAlive: true });
  // @ts-expect-error: start does not wait
  await v2.start("Go", { waitTimeoutMs: 1 });
  // @ts-expect-error: start does not wait
  await v3.start("Go", { onStep: () => {} });
  // @ts-expect-error: a task is a text
  await v2.run(7);
}

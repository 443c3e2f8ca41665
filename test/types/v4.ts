import type {
  BrowserUse,
  Run,
  RunReference,
  RunResult,
  Step,
  TimeoutError,
  UploadFile,
  V4BrowserSettings,
  V4Event,
  V4Reference,
  V4RunFields,
  V4RunResult,
  V4RunView,
  V4StartOptions,
  VersionReference,
} from "../../src/index.ts";
import { same } from "./equal.ts";

declare const browserUse: BrowserUse;
declare const file: UploadFile;
declare const v4Reference: V4Reference;
declare const anyReference: VersionReference;
const schema = { jsonSchema: { type: "object" }, validate: (value: unknown) => new Date(String(value)) };

// v4 answers with text or nothing; a run that was started knows its session, one that was attached may not.
export async function runs(signal: AbortSignal) {
  const started = await browserUse.v4.runs.start("Go");
  same<typeof started, Run<string | null>>();
  same<(typeof started)["sessionId"], string>();
  const attached = browserUse.v4.runs.attach(started.id);
  same<typeof attached, Run<string | null, string | undefined>>();
  same<(typeof attached)["sessionId"], string | undefined>();
  const result = await browserUse.v4.runs.run("Go", { signal, waitTimeoutMs: 1, onStep: (step) => step.summary });
  same<typeof result, V4RunResult>();
  result.raw.sessionId satisfies string;
  // @ts-expect-error: it may have answered nothing
  result.output.length;
  // @ts-expect-error: the session may not be known
  attached.sessionId.length;
  // Who takes any run takes one that was started, and not one whose session may be missing.
  const known: Run = started;
  const perhaps: Run<unknown, string | undefined> = started;
  // @ts-expect-error: its session may not be known
  const wrong: Run = attached;
  return [known, perhaps, wrong];
}

// What was serialised is what resume takes.
export async function references(started: Run, attached: Run<unknown, string | undefined>) {
  same<ReturnType<typeof started.toJSON>, RunReference>();
  const again = browserUse.resume(started.toJSON());
  same<typeof again, Run<unknown>>();
  const perhaps = browserUse.resume(attached.toJSON());
  same<typeof perhaps, Run<unknown, string | undefined>>();
  const byId = browserUse.resume({ apiVersion: "v4", id: "r1" });
  same<typeof byId, Run<unknown, string | undefined>>();
  const known = browserUse.resume({ apiVersion: "v4", id: "r1", sessionId: "s1" });
  same<typeof known, Run<unknown>>();
  const read = browserUse.resume(v4Reference, { schema });
  same<typeof read, Run<Date, string | undefined>>();
  same<ReturnType<typeof browserUse.resume>, Run<unknown, string | undefined>>();
  browserUse.resume(anyReference);
  // @ts-expect-error: v2 and v3 know their session
  browserUse.resume({ apiVersion: "v2", id: "t1" });
  const late: TimeoutError<typeof attached> | undefined = undefined;
  return late;
}

same<Extract<RunResult["raw"], V4RunView>, V4RunView>();
same<Extract<Step["raw"], V4Event>, V4Event>();

// Lists that grow at the service take new values, and still complete the ones that are known.
export const models: V4RunFields["model"][] = ["minimax-m3", "a new one", undefined];
same<Extract<V4RunFields["model"], "minimax-m3">, "minimax-m3">();
export const countries: V4BrowserSettings["proxyCountryCode"][] = ["uk", "ci", "a new one", null];
same<Extract<V4BrowserSettings["proxyCountryCode"], "uk">, "uk">();

export const options: V4StartOptions[] = [
  { files: file, attachedFileIds: ["f1"] },
  { files: [file, file], workspaceId: "w1", sessionId: null },
  { browserSettings: { customProxy: "http://proxy.test:1", screenWidth: 800, screenHeight: 600 }, maxCostUsd: "1.5" },
  { timeoutMs: 1, maxRetries: 0, profileAccess: "shared", judge: {} },
];

// A session is ended by its id; what was left there is nobody's answer.
export async function sessions(started: Run<string | null>, attached: Run<unknown, string | undefined>) {
  const stopped = browserUse.v4.sessions.stop(started.sessionId);
  same<typeof stopped, Promise<void>>();
  // @ts-expect-error: its session may not be known
  await browserUse.v4.sessions.stop(attached.sessionId);
  // @ts-expect-error: it has a deadline of its own
  await browserUse.v4.sessions.stop(started.sessionId, { timeoutMs: 1 });
  await browserUse.v4.runs.run("Last", { keepAlive: false, sessionId: started.sessionId });
}

export async function refused() {
  await browserUse.v4.runs.run("Go", { keepAlive: true, sessionId: "s1" });
  // @ts-expect-error: v4 has no structured output
  await browserUse.v4.runs.start("Go", { schema });
  // @ts-expect-error: v4 has no structured output
  await browserUse.v4.runs.run("Go", { schema });
  // @ts-expect-error: what is started is never stopped by itself
  await browserUse.v4.runs.start("Go", { keepAlive: true });
  // @ts-expect-error: start does not wait
  await browserUse.v4.runs.start("Go", { waitTimeoutMs: 1 });
  // @ts-expect-error: misspelled
  await browserUse.v4.runs.start("Go", { maxCostUSD: 3 });
  // @ts-expect-error: it belongs to the settings of the browser
  await browserUse.v4.runs.start("Go", { profileId: "p1" });
  // @ts-expect-error: the name of v2 and v3
  await browserUse.v4.runs.start("Go", { browserSettings: { browserScreenWidth: 800 } });
  // @ts-expect-error: no such access
  await browserUse.v4.runs.start("Go", { profileAccess: "mine" });
  // @ts-expect-error: a task is a text
  await browserUse.v4.runs.start(7);
  // @ts-expect-error: an id is a text
  browserUse.v4.runs.attach(7);
}

import { stopOnExit } from "../../src/node.ts";
import { type Lease, SessionPool } from "../../src/pool.ts";
import type {
  Open,
  Skyvern,
  SkyvernFile,
  SkyvernOpenRequest,
  SkyvernProfile,
  SkyvernSession,
  SkyvernSessionView,
  SkyvernWebhookRun,
  TaskReference,
  TaskRequest,
  TaskRun,
  TaskRunView,
} from "../../src/skyvern.ts";
import { same } from "./equal.ts";

declare const skyvern: Skyvern;
declare const session: SkyvernSession;
declare const whether: boolean;

// What comes of a task is typed by what is said of waiting.
export async function tasks(request: TaskRequest) {
  const waited = await skyvern.runTask(request, { waitForCompletion: true, waitTimeoutMs: 1 });
  same<typeof waited, TaskRunView>();
  const started = [
    await skyvern.runTask(request),
    await skyvern.runTask(request, {}),
    await skyvern.runTask(request, { waitForCompletion: false, timeoutMs: 1 }),
    await skyvern.runTask(request, { waitForCompletion: undefined }),
    await session.start("Go", { url: "https://app.test", max_steps: 3 }),
  ] as const;
  same<(typeof started)[number], TaskRun>();
  const either = await skyvern.runTask(request, { waitForCompletion: whether, waitTimeoutMs: 1 });
  same<typeof either, TaskRunView | TaskRun>();
  const run = await session.run("Go", { engine: "skyvern-2.0", waitTimeoutMs: 1 });
  same<typeof run, TaskRunView>();
  // @ts-expect-error: without waiting there is nothing to limit
  await skyvern.runTask(request, { waitTimeoutMs: 1 });
  // @ts-expect-error: start does not wait
  await session.start("Go", { waitTimeoutMs: 1 });
  // @ts-expect-error: the service is told nothing of waiting
  await skyvern.runTask({ prompt: "Go", wait_for_completion: true });
  // @ts-expect-error: a prompt is needed
  await skyvern.runTask({ url: "https://app.test" });
  // @ts-expect-error: a run is no promise
  started[0].then(() => {});
}

// In a session, which browser it is, is no question.
export async function inSession() {
  // @ts-expect-error: it has its session
  await session.run("Go", { browser_session_id: "pbs_2" });
  // @ts-expect-error: the profile is the session's
  await session.run("Go", { browser_profile_id: "bp_1" });
  // @ts-expect-error: the browser is the session's
  await session.start("Go", { start_fresh_browser: true });
  // @ts-expect-error: misspelled
  await session.run("Go", { maxSteps: 3 });
}

// Lists that grow take more than is known today, and complete what is.
export const requests: SkyvernOpenRequest[] = [
  { timeout: 60, url: null, proxy_location: "RESIDENTIAL_DE", extensions: ["ad-blocker"], browser_type: "chrome" },
  { proxy_location: "a place of tomorrow", extensions: ["one of tomorrow"], browser_type: "one of tomorrow" },
  { proxy_location: { country: "US", subdivision: "CA" } },
  { proxy_location: { url: "http://proxy.test" } },
  { proxy_location: null, extensions: null, browser_type: undefined },
];
// @ts-expect-error: minutes are a number
export const wrong: SkyvernOpenRequest = { timeout: "60" };
// @ts-expect-error: the other vendor's field
export const others: SkyvernOpenRequest = { timeoutMinutes: 60 };
type Engine = NonNullable<TaskRequest["engine"]>;
same<Engine extends Open<string> ? true : false, true>();
export const engines: Engine[] = ["skyvern-1.0", "an engine of tomorrow"];

// Views are native.
same<typeof session.view, SkyvernSessionView | undefined>();
same<typeof session.warning, string | undefined>();
same<SkyvernSessionView["timeout"], number | null | undefined>();
same<TaskRunView["output"], { [key: string]: unknown } | unknown[] | string | null | undefined>();
same<Awaited<ReturnType<typeof session.browserAddress>>, string>();
same<Awaited<ReturnType<Skyvern["files"]["upload"]>>, SkyvernFile>();
same<Awaited<ReturnType<Skyvern["profiles"]["create"]>>, SkyvernProfile>();
same<ReturnType<TaskRun["toJSON"]>, TaskReference>();
same<SkyvernWebhookRun["run_id"], string>();

// What takes a client of Browser Use takes this one, too.
export function elsewhere() {
  const pool = new SessionPool(skyvern.sessions, { maxSessions: 2 });
  const lease = pool.acquire({ key: "k", timeout: 30 });
  same<Awaited<typeof lease>, Lease<SkyvernSession>>();
  // @ts-expect-error: misspelled
  pool.acquire({ key: "k", timeuot: 30 });
  return stopOnExit(skyvern, { timeoutMs: 1_000 });
}

// The API is Skyvern's.
export async function api() {
  const { data } = await skyvern.api.GET("/v1/browser_sessions/history", { params: { query: { page: 1 } } });
  same<(typeof data)[number]["browser_session_id"], string>();
  const form = new FormData();
  await skyvern.api.POST("/v1/upload_file", { body: form });
  // @ts-expect-error: a form is a FormData
  await skyvern.api.POST("/v1/upload_file", { body: { file: "a" } });
  // @ts-expect-error: a path of another vendor
  await skyvern.api.GET("/v3/sessions");
}

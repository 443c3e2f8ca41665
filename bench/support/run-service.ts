/**
 * A service whose runs take as long as they are told to, in a process of its own. It counts the requests of each client, and knows when each
 * run ended. Whoever dispatches a run of the plan gets that one: so two clients can wait for the same runs.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { member } from "./crew.ts";
import { nowMs } from "./numbers.ts";
import type { Version } from "./vendor.ts";

/** What a service is told at its start. */
export interface ServiceOrder {
  /** Before each answer. */
  readonly latencyMs: number;
}

/** The runs of one account. Times count from the beginning. */
export interface AccountPlan {
  /** Its key. */
  readonly name: string;
  readonly version: Version;
  readonly runs: readonly { readonly name: string; readonly beginsMs: number; readonly endsMs: number }[];
  /** What else is in the account. */
  readonly others?: Others | undefined;
  /** Where the end of each run is announced, a little later. */
  readonly webhookUrl?: string | undefined;
}

export interface Others {
  readonly ended: number;
  /** So many are at work at any time. */
  readonly live: number;
  /** Each for so long: others come and go. */
  readonly lifeMs: number;
}

export type ServiceTask =
  | { readonly kind: "where" }
  | { readonly kind: "open"; readonly plans: readonly AccountPlan[]; readonly beginMs: number }
  | { readonly kind: "report"; readonly account: string; readonly fromMs: number; readonly untilMs: number };

/** What one client has sent to one account: all GETs, and those in a window of time. */
export interface Requests {
  readonly all: number;
  readonly inWindow: number;
}

export interface ServiceAnswer {
  readonly url: string;
  /** By the name of the client, which is the first piece of the path. */
  readonly requests: Readonly<Record<string, Requests>>;
}

interface ServedRun {
  readonly id: string;
  readonly sessionId: string;
  readonly beginMs: number;
  readonly endMs: number;
}

interface Account {
  readonly version: Version;
  /** In the order of their beginning. */
  readonly runs: readonly ServedRun[];
  readonly byId: ReadonlyMap<string, ServedRun>;
  readonly byTask: ReadonlyMap<string, ServedRun>;
  /** When each client has sent its GETs. */
  readonly gets: Map<string, number[]>;
}

const WEBHOOK_DELAY_MS = 100;
const UNTIL_STARTED_MS = 300;
const DAY_MS = 86_400_000;

await member(async ({ latencyMs }: ServiceOrder) => {
  const accounts = new Map<string, Account>();
  const url = await serve(accounts, latencyMs);
  return async (task: ServiceTask): Promise<ServiceAnswer> => {
    if (task.kind === "open") for (const plan of task.plans) accounts.set(plan.name, openAccount(plan, task.beginMs));
    return { url, requests: task.kind === "report" ? requestsOf(accounts.get(task.account), task) : {} };
  };
});

function openAccount(plan: AccountPlan, beginMs: number): Account {
  const { version, webhookUrl } = plan;
  const own = plan.runs.map(({ name, beginsMs, endsMs }) =>
    served(version, `${plan.name}/${name}`, beginMs + beginsMs, beginMs + endsMs),
  );
  const lastMs = Math.max(...own.map(({ endMs }) => endMs));
  const runs = [...own, ...othersOf(plan, beginMs, lastMs)].sort((a, b) => a.beginMs - b.beginMs);
  if (webhookUrl) for (const run of own) announce(run, webhookUrl);
  const byTask = new Map(own.map((run, index) => [plan.runs[index]?.name ?? "", run]));
  return { version, runs, byId: new Map(runs.map((run) => [run.id, run])), byTask, gets: new Map() };
}

function served(version: Version, name: string, beginMs: number, endMs: number): ServedRun {
  const id = uuidOf(name);
  return { id, sessionId: version === "v3" ? id : uuidOf(`session of ${name}`), beginMs, endMs };
}

function uuidOf(name: string): string {
  const hex = createHash("sha256").update(name).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    "-",
  );
}

/** Runs that nobody here waits for: some that have long ended, and some that come and go. */
function othersOf({ name, version, others }: AccountPlan, beginMs: number, untilMs: number): ServedRun[] {
  if (!others) return [];
  const { ended, live, lifeMs } = others;
  const old = Array.from({ length: ended }, (_, index) => {
    const endMs = beginMs - DAY_MS - index * 1_000;
    return served(version, `${name}/old/${index}`, endMs - lifeMs, endMs);
  });
  const stepMs = lifeMs / live;
  const coming = Array.from({ length: Math.ceil((untilMs - beginMs + lifeMs) / stepMs) }, (_, index) => {
    const at = beginMs - lifeMs + index * stepMs;
    return served(version, `${name}/other/${index}`, at, at + lifeMs);
  });
  return [...old, ...coming];
}

function announce({ id, sessionId, endMs }: ServedRun, url: string): void {
  const body = JSON.stringify({ taskId: id, sessionId });
  setTimeout(() => void fetch(url, { method: "POST", body }).catch(() => {}), endMs + WEBHOOK_DELAY_MS - nowMs());
}

function requestsOf(
  account: Account | undefined,
  { fromMs, untilMs }: { readonly fromMs: number; readonly untilMs: number },
): Record<string, Requests> {
  const entries = [...(account?.gets ?? [])].map(([client, times]): [string, Requests] => {
    return [client, { all: times.length, inWindow: times.filter((at) => at >= fromMs && at < untilMs).length }];
  });
  return Object.fromEntries(entries);
}

async function serve(accounts: ReadonlyMap<string, Account>, latencyMs: number): Promise<string> {
  const server = createServer(async (request, response) => {
    const atMs = nowMs();
    await sleep(latencyMs);
    const answer = await answerTo(request, accounts, atMs).catch((error: unknown) => ({ detail: String(error) }));
    const text = JSON.stringify(answer ?? { detail: "Not found" });
    response.writeHead(answer ? 200 : 404, { "Content-Type": "application/json" }).end(text);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function answerTo(
  request: IncomingMessage,
  accounts: ReadonlyMap<string, Account>,
  atMs: number,
): Promise<object | undefined> {
  const account = accounts.get(String(request.headers["x-browser-use-api-key"]));
  const { pathname, searchParams } = new URL(request.url ?? "", "http://service");
  const [, client = "", , , kind, id, part] = pathname.split("/");
  if (!account) return undefined;
  if (request.method === "POST") return dispatched(account, await bodyOf(request));
  const gets = account.gets.get(client);
  if (gets) gets.push(atMs);
  else account.gets.set(client, [atMs]);
  const run = id === undefined ? undefined : account.byId.get(id);
  if (kind === "tasks") return id === undefined ? taskList(account, searchParams) : run && taskView(run, part);
  if (id === undefined) return sessionList(account, searchParams);
  return run && (part === "messages" ? messagesOf(run, searchParams) : sessionView(run));
}

async function bodyOf(request: IncomingMessage): Promise<{ readonly task?: string }> {
  let text = "";
  for await (const piece of request) text += piece;
  return JSON.parse(text || "{}");
}

function dispatched({ byTask, version }: Account, { task = "" }: { readonly task?: string }): object | undefined {
  const run = byTask.get(task);
  return run && (version === "v2" ? { id: run.id, sessionId: run.sessionId } : sessionView(run));
}

function taskStatus({ beginMs, endMs }: ServedRun, atMs = nowMs()): string {
  if (atMs >= endMs) return "finished";
  return atMs < beginMs + UNTIL_STARTED_MS ? "created" : "started";
}

function taskView(run: ServedRun, part: string | undefined): object {
  const status = taskStatus(run);
  const output = status === "finished" ? answerOf(run) : null;
  if (part === "status") return { id: run.id, status, output, isSuccess: output && true, cost: null };
  const step = { memory: "m".repeat(200), evaluationPreviousGoal: "e".repeat(100), nextGoal: "g".repeat(100) };
  const steps = [1, 2, 3].map((number) => ({ number, ...step, url: "https://example.com", actions: ["{}"] }));
  return { ...taskRow(run), output, isSuccess: output && true, steps, outputFiles: [] };
}

function taskRow(run: ServedRun): object {
  const status = taskStatus(run);
  const at = new Date(0).toISOString();
  const task = "Find the cheapest flight and say what it costs. ".repeat(3);
  return {
    id: run.id,
    sessionId: run.sessionId,
    llm: "browser-use-llm",
    task,
    status,
    createdAt: at,
    startedAt: at,
    metadata: {},
    output: null,
    cost: null,
  };
}

function taskList({ runs }: Account, query: URLSearchParams): object {
  const status = query.get("filterBy");
  const pageSize = Number(query.get("pageSize") ?? 10);
  const pageNumber = Number(query.get("pageNumber") ?? 1);
  const atMs = nowMs();
  const begun = runs.filter((run) => run.beginMs <= atMs && taskStatus(run, atMs) === status).reverse();
  const items = begun.slice((pageNumber - 1) * pageSize, pageNumber * pageSize).map(taskRow);
  return { items, totalItems: begun.length, pageNumber, pageSize };
}

function sessionView(run: ServedRun): object {
  const isOver = nowMs() >= run.endMs;
  const at = new Date(0).toISOString();
  const answer = isOver ? { output: answerOf(run), isTaskSuccessful: true } : { output: null, isTaskSuccessful: null };
  const costs = { totalCostUsd: "0.01", llmCostUsd: "0.005", proxyCostUsd: "0.005", browserCostUsd: "0" };
  const text = {
    title: "A run",
    lastStepSummary: "Looks at the page. ".repeat(5),
    liveUrl: "https://live.example.com",
  };
  return {
    id: run.id,
    status: isOver ? "stopped" : "running",
    model: "bu-mini",
    stepCount: 3,
    ...text,
    ...costs,
    ...answer,
    createdAt: at,
    updatedAt: at,
    recordingUrls: [],
  };
}

function sessionList({ runs }: Account, query: URLSearchParams): object {
  const pageSize = Number(query.get("page_size") ?? 20);
  const page = Number(query.get("page") ?? 1);
  const atMs = nowMs();
  const begun = runs.filter((run) => run.beginMs <= atMs).reverse();
  const sessions = begun.slice((page - 1) * pageSize, page * pageSize).map(sessionView);
  return { sessions, total: begun.length, page, pageSize };
}

function messagesOf({ id }: ServedRun, query: URLSearchParams): object {
  const message = (name: string, role: string) => ({
    id: `${name}-${id}`,
    sessionId: id,
    role,
    data: "{}",
    summary: "Looks at the page.",
    type: "text",
    hidden: false,
    createdAt: new Date(0).toISOString(),
  });
  if (query.has("after") || query.has("before")) return { messages: [], hasMore: false };
  return { messages: [message("task", "user"), message("words", "assistant")], hasMore: false };
}

function answerOf({ id }: ServedRun): string {
  return `The answer of ${id}.`;
}

import { randomUUID } from "node:crypto";
import type { Cloud } from "../cloud.ts";
import { Job, type Outcome } from "../job.ts";
import { microUsd, STEP_COST, TASK_COST } from "../money.ts";
import type { Schema } from "../operations.ts";
import type { AgentStep } from "../options.ts";
import type { BrowserSession } from "../records.ts";
import { Problem } from "../server/problem.ts";
import { filesOf } from "../v3/workspaces.ts";
import { browserFor } from "./browsers.ts";
import type { EventV4, MessageV4, RunV4, SessionV4 } from "./records.ts";
import { attachable } from "./uploads.ts";

/** What a new run is. */
export interface DispatchV4 {
  readonly request: Schema<"V4RunCreateRequest">;
  readonly model: string;
  readonly browser: BrowserSession;
}

/** Starts a run in a session that has none at work. It is queued, then dispatching, then running, each for a moment. */
export function dispatchV4(cloud: Cloud, session: SessionV4, dispatch: DispatchV4): RunV4 {
  const run = newRun(cloud, session, dispatch);
  session.runs.push(run);
  cloud.runsV4.set(run.id, run);
  // Sessions are listed in the order of their latest runs.
  cloud.sessionsV4.delete(session.id);
  cloud.sessionsV4.set(session.id, session);
  const { startDelayMs } = cloud.settings;
  cloud.clock.after(startDelayMs, () => {
    if (run.status === "queued") become(cloud, run, "dispatching");
  });
  run.job = jobOf(cloud, run, 2 * startDelayMs);
  run.browser.job = run.job;
  return run;
}

/** Whether a session has a run at work, and so takes no other. */
export function isBusy({ runs }: SessionV4): boolean {
  return runs.at(-1)?.job != null;
}

/**
 * Makes a message the next run of a session that has none at work.
 *
 * @throws Problem when the session's browser is gone and there can be no other: 404 without its profile, 429 when the cap is reached.
 */
export function takeTurn(cloud: Cloud, session: SessionV4, message: MessageV4): void {
  const browser = browserFor(cloud, session, undefined);
  const attachedFileIds = message.attachedFileIds && [...message.attachedFileIds];
  const request = { task: message.text, sessionId: session.id, attachedFileIds };
  message.run = dispatchV4(cloud, session, { request, model: session.runs.at(-1)?.model ?? "", browser });
  message.status = "consumed";
}

function newRun(cloud: Cloud, session: SessionV4, { request, model, browser }: DispatchV4): RunV4 {
  const now = cloud.clock.now();
  return {
    id: randomUUID(),
    number: cloud.runsV4.size + 1,
    session,
    browser,
    request,
    model,
    attachedFileIds: request.attachedFileIds == null ? null : attachable(cloud, session, request.attachedFileIds),
    createdAt: now,
    events: [],
    updatedAt: now,
    status: "queued",
    title: null,
    result: null,
    error: null,
    judgement: null,
    stepCount: 0,
    cost: 0,
    job: null,
  };
}

function jobOf(cloud: Cloud, run: RunV4, delayMs: number): Job {
  const { request, session } = run;
  return new Job(cloud, {
    session: run.browser,
    delayMs,
    outputSchema: undefined,
    job: { task: request.task, apiVersion: "v4", sessionId: session.id, runId: run.id, request },
    files: () => cloud.bucket.list(filesOf(session.workspaceId)),
    started: () => start(cloud, run),
    stepped: (step) => take(cloud, run, step),
    written: (name, file) => cloud.bucket.put(`${filesOf(workspaceOf(cloud, session))}/${name}`, file),
    ended: (outcome) => finish(cloud, run, outcome),
  });
}

function start(cloud: Cloud, run: RunV4): void {
  run.title = run.request.task.slice(0, 60);
  become(cloud, run, "running");
  spend(cloud, run, TASK_COST);
}

function take(cloud: Cloud, run: RunV4, step: AgentStep): void {
  run.stepCount += 1;
  record(cloud, run, "step", { summary: step.summary, url: step.url ?? null });
  spend(cloud, run, STEP_COST);
  const { maxCostUsd } = run.request;
  if (maxCostUsd == null || run.cost <= microUsd(maxCostUsd)) return;
  run.job?.end(
    { kind: "failed", error: new Error("The cost limit of the run is reached.") },
    "The cost limit is reached.",
  );
}

function workspaceOf(cloud: Cloud, { id, workspaceId }: SessionV4): string {
  if (!cloud.workspaces.has(workspaceId)) throw new Error(`Workspace ${workspaceId} of session ${id} was deleted.`);
  return workspaceId;
}

/**
 * Ends a run, and lets the next message of its session have its turn. A run is `cancelled` only by who cancels it; when its browser was
 * stopped or has timed out, it has `failed`.
 */
function finish(cloud: Cloud, run: RunV4, outcome: Outcome): void {
  run.job = null;
  if (outcome.kind === "finished") run.result = outcome.output === null ? null : textOf(outcome.output);
  if (outcome.kind === "failed") run.error = textOf(outcome.error);
  if (outcome.kind === "stopped" && run.browser.end !== null) run.error = `The browser has ended (${run.browser.end}).`;
  become(cloud, run, outcome.kind === "finished" ? "completed" : run.error === null ? "cancelled" : "failed");
  record(cloud, run, `run.${run.status}`, { result: run.result, error: run.error });
  if (run.request.judge != null) judge(cloud, run, outcome.kind === "finished" && outcome.success);
  startNext(cloud, run.session);
}

/** The judgement comes a moment after the end, and is paid for by the run. Its verdict is what the agent said of its success. */
function judge(cloud: Cloud, run: RunV4, verdict: boolean): void {
  cloud.clock.after(cloud.settings.startDelayMs, () => {
    run.judgement = { verdict, reasoning: "Emulator: no model has judged this run" };
    spend(cloud, run, STEP_COST);
  });
}

/** A message that cannot become a run, because the profile for a new browser was deleted, has failed. Those after it are tried as well. */
function startNext(cloud: Cloud, session: SessionV4): void {
  for (const message of session.queue) {
    if (isBusy(session)) return;
    if (message.status !== "pending") continue;
    try {
      takeTurn(cloud, session, message);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      message.status = "failed";
    }
  }
}

function become(cloud: Cloud, run: RunV4, status: RunV4["status"]): void {
  run.status = status;
  run.updatedAt = cloud.clock.now();
}

function spend(cloud: Cloud, run: RunV4, amount: number): void {
  run.cost += amount;
  run.updatedAt = cloud.clock.now();
  cloud.spent += amount;
}

function record(cloud: Cloud, run: RunV4, type: string, data: EventV4["data"]): void {
  run.events.push({ id: run.events.length + 1, type, data, createdAt: cloud.clock.now() });
}

function textOf(value: unknown): string {
  if (value instanceof Error) return value.message;
  return typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
}

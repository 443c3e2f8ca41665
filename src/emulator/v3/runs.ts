import { randomUUID } from "node:crypto";
import type { Cloud } from "../cloud.ts";
import { Job, type Outcome } from "../job.ts";
import { microUsd, STEP_COST, TASK_COST } from "../money.ts";
import type { Schema } from "../operations.ts";
import type { AgentStep } from "../options.ts";
import type { MessageV3, SessionV3 } from "../records.ts";
import { filesOf } from "./workspaces.ts";

type Dispatch = Schema<"V3RunTaskRequest"> & { readonly task: string };

/**
 * Gives a session a task. It goes on looking as the last run left it until the task starts, so a client that asks at once finds an
 * idle session with the old output, as with the real service.
 */
export function dispatchV3(cloud: Cloud, session: SessionV3, request: Dispatch): void {
  session.title ??= request.task.slice(0, 60);
  session.maxCost = request.maxCostUsd == null ? null : microUsd(request.maxCostUsd);
  session.runCost = 0;
  session.runId = randomUUID();
  say(cloud, session, { role: "human", type: "task", data: request.task });
  say(cloud, session, { role: "system", type: "context", data: "Emulator: browser is ready", hidden: true });
  const { startDelayMs } = cloud.settings;
  session.job = new Job(cloud, {
    session,
    // A new session becomes idle first.
    delayMs: session.phase === "created" ? 2 * startDelayMs : startDelayMs,
    outputSchema: request.outputSchema ?? undefined,
    job: {
      task: request.task,
      apiVersion: "v3",
      request,
    },
    files: () => (session.workspaceId === null ? new Map() : cloud.bucket.list(filesOf(session.workspaceId))),
    started: () => start(cloud, session, request),
    stepped: (step) => take(cloud, session, step),
    written: (name, file) => cloud.bucket.put(`${filesOf(workspaceFor(cloud, session))}/${name}`, file),
    ended: (outcome) => finish(cloud, session, outcome),
  });
}

function start(cloud: Cloud, session: SessionV3, request: Dispatch): void {
  session.phase = "running";
  session.output = null;
  session.success = null;
  session.outputSchema = request.outputSchema ?? null;
  spend(cloud, session, TASK_COST);
  cloud.tell(session);
}

function take(cloud: Cloud, session: SessionV3, step: AgentStep): void {
  session.stepCount += 1;
  session.lastStepSummary = step.summary;
  const data = JSON.stringify({ summary: step.summary, url: step.url ?? null });
  say(cloud, session, { role: "assistant", type: "step", data, summary: step.summary });
  spend(cloud, session, STEP_COST);
  if (session.maxCost !== null && session.runCost > session.maxCost) {
    session.job?.end({ kind: "finished", output: null, success: false }, "The cost limit of the task is reached.");
  }
}

/** The agent's files go to the workspace: without one there is no place where anybody would find them. */
function workspaceFor(cloud: Cloud, { id, workspaceId }: SessionV3): string {
  if (workspaceId === null) throw new Error(`Session ${id} has no workspace to write files to: give it a workspaceId.`);
  if (!cloud.workspaces.has(workspaceId)) throw new Error(`Workspace ${workspaceId} of session ${id} was deleted.`);
  return workspaceId;
}

function finish(cloud: Cloud, session: SessionV3, outcome: Outcome): void {
  session.phase = "idle";
  session.updatedAt = cloud.clock.now();
  if (outcome.kind === "failed") {
    say(cloud, session, { role: "assistant", type: "error", data: textOf(outcome.error) });
    cloud.end(session, "error");
  }
  if (outcome.kind === "finished") {
    session.output = outcome.output;
    session.success = outcome.success;
    say(cloud, session, { role: "assistant", type: "result", data: textOf(outcome.output) });
  }
  if (!session.keepAlive) cloud.end(session, "stopped");
  cloud.tell(session);
}

function spend(cloud: Cloud, session: SessionV3, amount: number): void {
  session.runCost += amount;
  session.totalCost += amount;
  session.updatedAt = cloud.clock.now();
  cloud.spent += amount;
}

type Said = Pick<MessageV3, "role" | "type" | "data"> & Partial<Pick<MessageV3, "summary" | "hidden">>;

function say(cloud: Cloud, session: SessionV3, message: Said): void {
  const createdAt = cloud.clock.now();
  session.messages.push({ summary: "", hidden: false, ...message, id: randomUUID(), createdAt });
  session.updatedAt = createdAt;
}

function textOf(value: unknown): string {
  if (value instanceof Error) return value.message;
  return typeof value === "string" ? value : JSON.stringify(value);
}

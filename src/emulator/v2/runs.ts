import { randomUUID } from "node:crypto";
import type { Cloud } from "../cloud.ts";
import { Job, type Outcome } from "../job.ts";
import { STEP_COST, TASK_COST } from "../money.ts";
import type { Schema } from "../operations.ts";
import type { SessionV2, TaskV2 } from "../records.ts";
import { uploadsOf } from "./sessions.ts";

/** What a new task is. */
export interface DispatchV2 {
  readonly request: Schema<"V2CreateTaskRequest">;
  readonly llm: string;
  /** What the request gives as text. */
  readonly outputSchema: unknown;
}

/** Gives a session a task; it must have none under way. */
export function dispatchV2(cloud: Cloud, session: SessionV2, dispatch: DispatchV2): TaskV2 {
  const task = newTask(cloud, session, dispatch);
  session.tasks.push(task);
  cloud.tasks.set(task.id, task);
  const files = cloud.bucket.list(uploadsOf(session));
  session.job = new Job(cloud, {
    session,
    delayMs: cloud.settings.startDelayMs,
    outputSchema: dispatch.outputSchema,
    job: { task: task.request.task, apiVersion: "v2", taskId: task.id, request: task.request },
    files: () => files,
    started: () => start(cloud, task),
    stepped: (step) => {
      task.steps.push(step);
      spend(cloud, task, STEP_COST);
    },
    written: (name, file) => {
      cloud.bucket.put(`${outputsOf(task)}/${name}`, file);
      task.outputFiles.set(name, task.outputFiles.get(name) ?? randomUUID());
    },
    ended: (outcome) => finish(cloud, task, outcome),
  });
  return task;
}

/** Where the files are kept that the agent of a task left. */
export function outputsOf(task: { readonly id: string }): string {
  return `outputs/${task.id}`;
}

function newTask(cloud: Cloud, session: SessionV2, { request, llm }: DispatchV2): TaskV2 {
  return {
    id: randomUUID(),
    session,
    request,
    llm,
    createdAt: cloud.clock.now(),
    steps: [],
    outputFiles: new Map(),
    status: "created",
    startedAt: null,
    finishedAt: null,
    output: null,
    success: null,
    cost: 0,
  };
}

function start(cloud: Cloud, task: TaskV2): void {
  task.status = "started";
  task.startedAt = cloud.clock.now();
  spend(cloud, task, TASK_COST);
  tell(cloud, task);
}

function finish(cloud: Cloud, task: TaskV2, outcome: Outcome): void {
  task.status = outcome.kind;
  task.finishedAt = cloud.clock.now();
  if (outcome.kind === "failed") task.success = false;
  if (outcome.kind === "finished") {
    task.success = outcome.success;
    task.output = outcome.output === null ? null : textOf(outcome.output);
  }
  tell(cloud, task);
  if (!task.session.keepAlive) cloud.end(task.session, "stopped");
}

function spend(cloud: Cloud, task: TaskV2, amount: number): void {
  task.cost += amount;
  cloud.spent += amount;
}

function tell(cloud: Cloud, { id, session, status, request }: TaskV2): void {
  cloud.webhooks.tell({ sessionId: session.id, taskId: id, status, metadata: request.metadata ?? {} });
}

function textOf(output: unknown): string {
  return typeof output === "string" ? output : JSON.stringify(output);
}

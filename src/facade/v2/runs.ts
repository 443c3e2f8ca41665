import { complete, viewOf } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import { checkId } from "../call/check.ts";
import { toDate, toNumber } from "../call/wire.ts";
import type { Look, RunEnd, RunPort, Step } from "../runs/runs.ts";
import type { CallOptions, Ok } from "../types.ts";
import type { RunVersion } from "../versions.ts";
import { v2RunList } from "./run-list.ts";

/** How a task may have ended. */
export const TERMINAL: ReadonlySet<string> = new Set(["finished", "failed", "stopped"]);

const AT_WORK: ReadonlySet<string> = new Set(["created", "started"]);

/** A task of v2, as the service shows it. */
export interface V2Task extends Readonly<Ok<"/v2/tasks/{task_id}", "get">> {}
/** A step of a v2 task. */
export type V2Step = V2Task["steps"][number];
/** What another process needs to wait for a task of v2. */
export interface V2Reference {
  readonly apiVersion: "v2";
  /** The task's id. */
  readonly id: string;
  readonly sessionId: string;
}

/** What v2 brings, for its runs to be waited for. */
export const v2Runs: RunVersion<V2Reference> = {
  list: v2RunList,
  port: (api, { id, sessionId }) => v2RunPort(api, id, sessionId),
  reference: ({ id, sessionId }) => ({ apiVersion: "v2", id, sessionId: checkId("sessionId", sessionId) }),
};

/** Runs of v2 are tasks: their status is asked for until it is terminal, then the whole task once. */
export function v2RunPort(api: Api, id: string, sessionId: string, dispatchedMs?: number): RunPort {
  const path = { task_id: id };
  const getTask = async (options: CallOptions): Promise<V2Task> => {
    const answer = await api.GET("/v2/tasks/{task_id}", { params: { path }, ...options });
    complete(answer, "GET /v2/tasks/{task_id}", "steps");
    return viewOf(answer, "GET /v2/tasks/{task_id}", id);
  };
  const hasEnded = async (options: CallOptions): Promise<boolean> => {
    const answer = await api.GET("/v2/tasks/{task_id}/status", { params: { path }, ...options });
    return TERMINAL.has(viewOf(answer, "GET /v2/tasks/{task_id}/status", id).status);
  };
  const watch: RunPort["watch"] = (withSteps) => {
    const given = new Set<number>();
    return async (options: CallOptions, isNews = false): Promise<Look> => {
      if (!withSteps && !isNews && !(await hasEnded(options))) return { steps: [] };
      const task = await getTask(options);
      return { steps: newSteps(task, given), end: TERMINAL.has(task.status) ? toEnd(task) : undefined };
    };
  };
  return {
    reference: { apiVersion: "v2", id, sessionId },
    stop: (options) => api.PATCH("/v2/tasks/{task_id}", { params: { path }, body: { action: "stop" }, ...options }),
    watch,
    glance: watch(false),
    isNews: (status) => status === undefined || !AT_WORK.has(status),
    dispatchedMs,
  };
}

/** The steps that were not given yet, in order; a number that comes twice is one step. */
function newSteps({ steps }: V2Task, given: Set<number>): Step[] {
  const inOrder = [...steps].sort((a, b) => a.number - b.number);
  return inOrder.filter(({ number }) => !given.has(number) && given.add(number)).map(toStep);
}

function toStep(raw: V2Step): Step {
  const { number, nextGoal: summary, url, screenshotUrl } = raw;
  return { number, summary, url, screenshotUrl: screenshotUrl ?? undefined, raw };
}

function toEnd(task: V2Task): RunEnd {
  return {
    answered: task.status === "finished",
    result: {
      status: task.status,
      success: task.isSuccess ?? null,
      output: task.output ?? null,
      costUsd: toNumber(task.cost),
      startedAt: toDate(task.startedAt),
      finishedAt: toDate(task.finishedAt),
      raw: task,
    },
  };
}

import type { Api } from "./api.ts";
import type { Look, RunEnd, RunPort, Step, V2Task } from "./runs.ts";
import type { CallOptions } from "./types.ts";
import { toDate, toNumber } from "./wire.ts";

const TERMINAL: ReadonlySet<string> = new Set(["finished", "failed", "stopped"]);

/** Runs of v2 are tasks: their status is asked for until it is terminal, then the whole task once. */
export function v2RunPort(api: Api, id: string, sessionId: string): RunPort {
  const path = { task_id: id };
  const getTask = async (options: CallOptions): Promise<V2Task> =>
    (await api.GET("/v2/tasks/{task_id}", { params: { path }, ...options })).data;
  const hasEnded = async (options: CallOptions): Promise<boolean> => {
    const { data } = await api.GET("/v2/tasks/{task_id}/status", { params: { path }, ...options });
    return TERMINAL.has(data.status);
  };
  return {
    reference: { apiVersion: "v2", id, sessionId },
    stop: (options) => api.PATCH("/v2/tasks/{task_id}", { params: { path }, body: { action: "stop" }, ...options }),
    watch: (withSteps) => {
      let last = 0;
      return async (options): Promise<Look> => {
        if (!withSteps && !(await hasEnded(options))) return { steps: [] };
        const task = await getTask(options);
        const steps = stepsAfter(task, last);
        last = steps.at(-1)?.number ?? last;
        return { steps, end: TERMINAL.has(task.status) ? toEnd(task) : undefined };
      };
    },
  };
}

function stepsAfter(task: V2Task, last: number): Step[] {
  return task.steps
    .filter((step) => step.number > last)
    .sort((a, b) => a.number - b.number)
    .map((raw) => ({
      number: raw.number,
      summary: raw.nextGoal,
      url: raw.url,
      screenshotUrl: raw.screenshotUrl ?? undefined,
      raw,
    }));
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

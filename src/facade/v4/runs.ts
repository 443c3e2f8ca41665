import { complete, viewOf } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import { checkId } from "../call/check.ts";
import { isLag } from "../call/passing.ts";
import { toDate, toNumber } from "../call/wire.ts";
import type { RunEnd, RunPort } from "../runs/runs.ts";
import type { CallOptions, Ok } from "../types.ts";
import type { RunVersion } from "../versions.ts";
import { V4Events } from "./events.ts";
import { v4RunList } from "./run-list.ts";

const RUN = "/v4/runs/{run_id}";
const STATUS = "/v4/runs/{run_id}/status";
const TERMINAL: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"]);
const AT_WORK: ReadonlySet<string> = new Set(["queued", "dispatching", "running"]);
/** How often the events of a run that is over are asked for in vain, until its answer is given without them. */
const LOOKS_IN_VAIN = 3;

/** A run of v4, as the service shows it. */
export interface V4RunView extends Readonly<Ok<typeof RUN, "get">> {}

/** Whether a run with this status has ended. One that is not known today is waited for. */
export function isTerminal(status: string): boolean {
  return TERMINAL.has(status);
}

/** What another process needs to wait for a run of v4. */
export interface V4Reference {
  readonly apiVersion: "v4";
  readonly id: string;
  /** Left out while it is not known: the id says which run it is. */
  readonly sessionId?: string | undefined;
}

/** What v4 brings, for its runs to be waited for. */
export const v4Runs: RunVersion<V4Reference> = {
  list: v4RunList,
  port: (api, reference) => v4RunPort(api, reference),
  reference: ({ id, sessionId }) => ({
    apiVersion: "v4",
    id,
    ...(sessionId !== undefined && { sessionId: checkId("sessionId", sessionId) }),
  }),
};

/** What a port of v4 is told by who has started the run. */
interface Dispatch {
  readonly dispatchedMs: number;
  /** The end was seen, perhaps once more. */
  readonly onEnd?: () => void;
}

/** Runs of v4 have an id of their own: their status is asked for until it is terminal, then the whole run once. */
export function v4RunPort(
  api: Api,
  { id, sessionId }: Omit<V4Reference, "apiVersion">,
  { dispatchedMs, onEnd }: Partial<Dispatch> = {},
): RunPort {
  const params = { path: { run_id: id } };
  let reference: V4Reference = { apiVersion: "v4", id, ...(sessionId !== undefined && { sessionId }) };
  const getRun = async (options: CallOptions): Promise<V4RunView> => {
    const run = viewOf(await api.GET(RUN, { params, ...options }), `GET ${RUN}`, id);
    reference = { sessionId: run.sessionId, ...reference };
    return run;
  };
  const getStatus = async (options: CallOptions): Promise<string> => {
    try {
      return complete(await api.GET(STATUS, { params, ...options }), `GET ${STATUS}`, "status").status;
    } catch (error) {
      if (isLag(error, dispatchedMs)) return "queued";
      throw error;
    }
  };
  const watch: RunPort["watch"] = (withSteps) => {
    const events = withSteps ? new V4Events(api, id) : undefined;
    let inVain = 0;
    return async (options, isNews = false) => {
      // The status alone does not say which session it is.
      const seen = isNews || reference.sessionId === undefined ? await getRun(options) : undefined;
      const isOver = TERMINAL.has(seen ? seen.status : await getStatus(options));
      // After the status: what led to an end that it shows is among the events by now.
      await events?.readOn(options).catch((fault: unknown) => {
        if (isOver) inVain += 1;
        if (options.signal?.aborted || !isOver || inVain < LOOKS_IN_VAIN) throw fault;
      });
      const run = isOver ? (seen ?? (await getRun(options))) : undefined;
      const end = run && TERMINAL.has(run.status) ? toEnd(run) : undefined;
      if (end) onEnd?.();
      return { steps: events?.steps() ?? [], end };
    };
  };
  return {
    get reference() {
      return reference;
    },
    stop: async (options) => {
      const { data } = await api.POST("/v4/runs/{run_id}/cancel", { params, ...options });
      if (TERMINAL.has(data.status)) onEnd?.();
    },
    watch,
    glance: watch(false),
    isNews: (status) => status === undefined || !AT_WORK.has(status),
    dispatchedMs,
  };
}

function toEnd(run: V4RunView): RunEnd {
  return {
    answered: run.status === "completed",
    result: {
      status: run.status,
      success: null,
      output: run.result ?? null,
      costUsd: toNumber(run.totalCostUsd),
      startedAt: toDate(run.createdAt),
      finishedAt: toDate(run.updatedAt),
      raw: run,
    },
  };
}

import { viewOf } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import { checkId } from "../call/check.ts";
import { isRecord } from "../call/redact.ts";
import { sleep } from "../call/wait.ts";
import { difference, toDate } from "../call/wire.ts";
import { hasUnknownOutcome } from "../live.ts";
import type { Look, RunEnd, RunPort, RunStatus, Step } from "../runs/runs.ts";
import type { CallOptions, Ok } from "../types.ts";
import type { RunVersion } from "../versions.ts";
import { Conversation } from "./conversation.ts";
import { messagesAfter } from "./messages.ts";
import { v3RunList } from "./run-list.ts";

const CLOSED: ReadonlySet<string> = new Set(["stopped", "timed_out", "error"]);

const MAY_BE_OVER: ReadonlySet<string> = new Set([...CLOSED, "idle"]);

const LATER_MS = 250;

/** A session of v3, as the service shows it. */
export interface V3View extends Readonly<Ok<"/v3/sessions/{session_id}", "get">> {}

/** Where a v3 session stood before the task was dispatched: what is not newer cannot be this run's. */
export interface Baseline {
  readonly messageId: string | null;
  readonly stepCount: number;
  readonly totalCostUsd: string;
  /** Whether the session showed an answer already. Left out: it did not. */
  readonly answered?: boolean | undefined;
}

/** What another process needs to wait for a run of v3. */
export interface V3Reference {
  readonly apiVersion: "v3";
  /** The session's id: a run of v3 has none of its own. */
  readonly id: string;
  readonly sessionId: string;
  readonly baseline: Baseline;
}

/** What v3 brings, for its runs to be waited for. */
export const v3Runs: RunVersion<V3Reference> = {
  list: v3RunList,
  port: (api, { sessionId, baseline }) => v3RunPort(api, sessionId, baseline),
  reference: ({ id, sessionId, baseline }) =>
    isBaseline(baseline) ? { apiVersion: "v3", id, sessionId: checkId("sessionId", sessionId), baseline } : undefined,
};

function isBaseline(value: unknown): value is Baseline {
  if (!isRecord(value)) return false;
  const { messageId, stepCount, totalCostUsd } = value;
  return (
    (messageId === null || typeof messageId === "string") &&
    typeof stepCount === "number" &&
    typeof totalCostUsd === "string"
  );
}

/** Where a session stands that has never been given a task. */
export const FRESH: Baseline = { messageId: null, stepCount: 0, totalCostUsd: "0" };

/** Whether a v3 session has ended. */
export function isV3Closed(view: V3View): boolean {
  return CLOSED.has(view.status);
}

/** Whether a view shows an answer, be it of this run or of an older one. */
export function hasAnswer(view: V3View): boolean {
  return view.isTaskSuccessful != null || view.output != null;
}

/** What is known of a run beside its baseline. */
interface RunState {
  /** Whether a view has shown it at work. */
  started: boolean;
  /** While a stop is on its way, `idle` may be the old one or the end. */
  stop: "none" | "asked" | "done";
}

/**
 * Runs of v3 have no id of their own: a session is `idle` before a run as after it, and keeps the last answer until the next.
 * So `idle` ends a run only after something has been seen that is newer than the baseline and can only be the run's own.
 */
export function v3RunPort(api: Api, sessionId: string, baseline: Baseline, dispatchedMs?: number): RunPort {
  const path = { session_id: sessionId };
  const run: RunState = { started: false, stop: "none" };
  const getView = async (options: CallOptions): Promise<V3View> => {
    const answer = await api.GET("/v3/sessions/{session_id}", { params: { path }, ...options });
    const view = viewOf(answer, "GET /v3/sessions/{session_id}", sessionId);
    run.started ||= showsRun(view, baseline);
    return view;
  };
  /** The agent's words prove that the run has started, but the view before them may be older, and the one right after them too. */
  const getLaterView = async (options: CallOptions): Promise<V3View> => {
    await sleep(LATER_MS, options.signal);
    return getView(options);
  };
  const watch: RunPort["watch"] = (withSteps) => {
    const seen = new Conversation(baseline.messageId, withSteps === "with hidden");
    // A look that fails after the messages were read must not lose them.
    const untold: Step[] = [];
    return async (options: CallOptions): Promise<Look> => {
      const view = await getView(options);
      if (!withSteps && view.status !== "idle" && !isV3Closed(view)) return { steps: [] };
      untold.push(...seen.take(await messagesAfter(api, sessionId, seen.lastId, options), run.started));
      const isOld = view.status === "idle" && !run.started && seen.hasAgentWords;
      const end = endOf(isOld ? await getLaterView(options) : view, baseline, run, seen);
      return { steps: untold.splice(0), end };
    };
  };
  return {
    reference: { apiVersion: "v3", id: sessionId, sessionId, baseline },
    stop: async (options) => {
      run.stop = "asked";
      const body = { strategy: "task" } as const;
      await api.POST("/v3/sessions/{session_id}/stop", { params: { path }, body, ...options }).catch((error) => {
        run.stop = hasUnknownOutcome(error) ? "done" : "none";
        throw error;
      });
      run.stop = "done";
    },
    watch,
    glance: watch(true),
    // A list may be older than the dispatch, so that only a view of its own shows a run at work.
    isNews: (status) => (status === "running" ? !run.started : status === undefined || MAY_BE_OVER.has(status)),
    dispatchedMs,
  };
}

/** Evidence in the view alone. On a session that never had a task, an answer can only be this run's. */
function showsRun(view: V3View, baseline: Baseline): boolean {
  return view.status === "running" || view.stepCount > baseline.stepCount || (isFresh(baseline) && hasAnswer(view));
}

function isFresh({ messageId, stepCount, answered }: Baseline): boolean {
  return messageId === null && stepCount === 0 && !answered;
}

function endOf(view: V3View, baseline: Baseline, run: RunState, seen: Conversation): RunEnd | undefined {
  if (seen.isSuperseded) return { answered: false, result: resultOf("superseded", view, baseline, seen) };
  if (isV3Closed(view)) {
    // A session that was stopped in the middle of a later run may still show the answer of an earlier one.
    const answered = view.status === "stopped" && run.stop === "none" && isFresh(baseline) && hasAnswer(view);
    return { answered, result: resultOf(view.status, view, baseline, seen, answered) };
  }
  if (view.status !== "idle" || run.stop === "asked") return undefined;
  if (run.stop === "done") return { answered: false, result: resultOf("stopped", view, baseline, seen) };
  if (!run.started && !seen.hasAgentWords) return undefined;
  return { answered: true, result: resultOf(view.status, view, baseline, seen, true) };
}

function resultOf(
  status: RunStatus,
  view: V3View,
  baseline: Baseline,
  { startedAt }: Conversation,
  answered = false,
): RunEnd["result"] {
  return {
    status,
    success: answered ? (view.isTaskSuccessful ?? null) : null,
    output: answered ? (view.output ?? null) : null,
    costUsd: status === "superseded" ? null : difference(view.totalCostUsd, baseline.totalCostUsd),
    startedAt: toDate(startedAt),
    finishedAt: toDate(view.updatedAt),
    raw: view,
  };
}

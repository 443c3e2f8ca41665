import type { Api } from "./api.ts";
import type { Baseline, Look, RunEnd, RunPort, RunStatus, Step, V3View } from "./runs.ts";
import type { CallOptions } from "./types.ts";
import { isFromUs, messagesAfter, type V3Message } from "./v3-messages.ts";
import { difference, toDate } from "./wire.ts";

const CLOSED: ReadonlySet<string> = new Set(["stopped", "timed_out", "error"]);

/** Where a session stands that has never been given a task. */
export const FRESH: Baseline = { messageId: null, stepCount: 0, totalCostUsd: "0" };

/** Whether a v3 session has ended. */
export function isV3Closed(view: V3View): boolean {
  return CLOSED.has(view.status);
}

/**
 * Runs of v3 have no id of their own: a session is `idle` before a run as after it, and keeps the last answer until the next.
 * So `idle` ends a run only after something has been seen that is newer than the baseline and can only be the run's own.
 */
export function v3RunPort(api: Api, sessionId: string, baseline: Baseline): RunPort {
  const path = { session_id: sessionId };
  const run = { started: false, stopped: false };
  const getView = async (options: CallOptions): Promise<V3View> =>
    (await api.GET("/v3/sessions/{session_id}", { params: { path }, ...options })).data;
  return {
    reference: { apiVersion: "v3", id: sessionId, sessionId, baseline },
    stop: async (options) => {
      run.stopped = true;
      await api.POST("/v3/sessions/{session_id}/stop", { params: { path }, body: { strategy: "task" }, ...options });
    },
    watch: (withSteps) => {
      const seen = new Conversation(baseline.messageId);
      return async (options): Promise<Look> => {
        const view = await getView(options);
        run.started ||= showsRun(view, baseline);
        const over = isV3Closed(view) || (view.status === "idle" && (run.started || run.stopped));
        if (!withSteps && !over && view.status !== "idle") return { steps: [] };
        const steps = seen.take(await messagesAfter(api, sessionId, seen.lastId, options));
        // The agent's message proves that the run has started, but this view may be older: the next one counts.
        run.started ||= seen.hasAgentMessage;
        return { steps, end: over ? toEnd(view, baseline, run, seen) : undefined };
      };
    },
  };
}

/** Evidence in the view alone. On a session that never had a task, an answer can only be this run's. */
function showsRun(view: V3View, baseline: Baseline): boolean {
  const fresh = baseline.messageId === null && baseline.stepCount === 0;
  return view.status === "running" || view.stepCount > baseline.stepCount || (fresh && hasAnswer(view));
}

function hasAnswer(view: V3View): boolean {
  return view.isTaskSuccessful != null || view.output != null;
}

/** What the messages after the baseline tell, read in order. */
class Conversation {
  lastId: string | null;
  hasAgentMessage = false;
  isSuperseded = false;
  startedAt: string | undefined;
  #steps = 0;

  constructor(after: string | null) {
    this.lastId = after;
  }

  take(messages: readonly V3Message[]): Step[] {
    this.lastId = messages.at(-1)?.id ?? this.lastId;
    return messages.filter((message) => !message.hidden).flatMap((message) => this.#takeOne(message));
  }

  #takeOne(message: V3Message): Step[] {
    if (isFromUs(message)) {
      // Our own task comes first; one after the agent's words is a later dispatch. Words before our task are an older run's.
      this.isSuperseded ||= this.startedAt !== undefined && this.hasAgentMessage;
      if (this.startedAt === undefined) this.hasAgentMessage = false;
      this.startedAt ??= message.createdAt;
      return [];
    }
    this.hasAgentMessage = true;
    if (this.isSuperseded) return [];
    const { summary, data, screenshotUrl } = message;
    return [
      { number: ++this.#steps, summary: summary || data, screenshotUrl: screenshotUrl ?? undefined, raw: message },
    ];
  }
}

interface RunState {
  readonly started: boolean;
  readonly stopped: boolean;
}

function toEnd(view: V3View, baseline: Baseline, run: RunState, seen: Conversation): RunEnd {
  const fresh = baseline.messageId === null && baseline.stepCount === 0;
  // A session that was stopped in the middle of a later run may still show the answer of an earlier one.
  const answered =
    !seen.isSuperseded &&
    !run.stopped &&
    (view.status === "idle" || (view.status === "stopped" && fresh && hasAnswer(view)));
  return {
    answered,
    result: {
      status: statusOf(view, run, seen),
      success: answered ? (view.isTaskSuccessful ?? null) : null,
      output: answered ? (view.output ?? null) : null,
      costUsd: difference(view.totalCostUsd, baseline.totalCostUsd),
      startedAt: toDate(seen.startedAt),
      finishedAt: toDate(view.updatedAt),
      raw: view,
    },
  };
}

function statusOf(view: V3View, { stopped }: RunState, { isSuperseded }: Conversation): RunStatus {
  if (isSuperseded) return "superseded";
  return view.status === "idle" && stopped ? "stopped" : view.status;
}

import { complete, isSameId } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import { PAGE_SIZE } from "../call/pages.ts";
import { within } from "../call/within.ts";
import type { Context } from "../context.ts";
import { TimeoutError } from "../errors.ts";
import { isGone, Live, type LivePort, type Owner } from "../live.ts";
import { Run } from "../runs/runs.ts";
import type { CallOptions } from "../types.ts";
import type { Started } from "./plan.ts";
import { v4RunPort } from "./runs.ts";

const STOP_TIMEOUT_MS = 30_000;

/** What is known of a run and of what it leaves behind, by the id of its session. */
interface Standing {
  readonly id: string;
  readonly isOver: boolean;
}

/**
 * A run in a session of its own. To stop it is to cancel the run, and to stop the browsers of its session, which v4 has no other way to
 * end. With `keepAlive` a run that comes to its end by itself is over then, and leaves its browser for follow-ups.
 */
export class OwnRun extends Live<Standing> {
  readonly started: Started;
  readonly run: Run<string | null>;

  constructor({ api, watcher }: Context, started: Started, keepAlive: boolean, owner: Owner) {
    const { sessionId } = started;
    let leavesBrowser = keepAlive;
    const onEnd = () => {
      if (leavesBrowser) this.see({ id: sessionId, isOver: true });
    };
    const run = new Run<string | null>(watcher, v4RunPort(api, started, { dispatchedMs: performance.now(), onEnd }));
    const look = async (options: CallOptions): Promise<Standing> => {
      const isOver = (await run.hasEnded(options)) && (await stopBrowsers(api, sessionId, options));
      return { id: sessionId, isOver };
    };
    const port: LivePort<Standing> = {
      idOf: (standing) => standing.id,
      get: (_, options) => inTime(options, look),
      stop: (_, options) => {
        leavesBrowser = false;
        return inTime(options, async (own) => {
          await run.stop(own);
          return look(own);
        });
      },
      isClosed: ({ isOver }) => isOver,
    };
    super(port, { id: sessionId, isOver: false }, owner);
    this.started = started;
    this.run = run;
  }
}

/** All calls of one look together take no longer than one of them may. */
function inTime<T>(options: CallOptions, work: (options: CallOptions) => Promise<T>): Promise<T> {
  const { totalTimeoutMs: timeoutMs = STOP_TIMEOUT_MS } = options;
  const timeUp = () =>
    new TimeoutError(`The run was not over within ${timeoutMs} ms.`, { operation: "stop", timeoutMs });
  return within(timeoutMs, timeUp, options.signal, (signal) => work({ ...options, signal }));
}

/** Whether no browser of the session is left: each that is listed was asked to stop, and says that it has. */
async function stopBrowsers(api: Api, sessionId: string, options: CallOptions): Promise<boolean> {
  const query = { agentSessionId: sessionId, filterBy: "active", pageSize: PAGE_SIZE } as const;
  const answer = await api.GET("/v4/browsers", { params: { query }, ...options });
  const { items } = complete(answer, "GET /v4/browsers", "items");
  // A service that does not know the filter shows the browsers of others, too.
  const ours = items.filter(({ agentSessionId }) => agentSessionId && isSameId(agentSessionId, sessionId));
  const stopped = await Promise.all(ours.map(({ id }) => stopBrowser(api, id, options)));
  return stopped.every(Boolean);
}

async function stopBrowser(api: Api, id: string, options: CallOptions): Promise<boolean> {
  const init = { params: { path: { session_id: id } }, body: { action: "stop" }, ...options } as const;
  try {
    return (await api.PATCH("/v4/browsers/{session_id}", init)).data.status === "stopped";
  } catch (error) {
    if (isGone(error)) return true;
    throw error;
  }
}

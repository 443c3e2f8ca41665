import { complete, isSameId } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import { allPages, PAGE_SIZE } from "../call/pages.ts";
import { within } from "../call/within.ts";
import { ApiError, TimeoutError } from "../errors.ts";
import { Live, type Owner } from "../live.ts";
import type { CallOptions } from "../types.ts";

const STOP_TIMEOUT_MS = 30_000;
/** How long one part of an ending may hold up the others. */
const PATIENCE_MS = 5_000;

/** What is known of a session, by its id. */
interface Standing {
  readonly id: string;
  /** Whether no run is at work in it, and none of its browsers is left. */
  readonly isOver: boolean;
}

/** What is done with the runs of a session that is to end. */
export interface RunsToEnd {
  /** Asks for what is at work to be cancelled. */
  readonly cancel: (options: CallOptions) => Promise<unknown>;
  /** Whether nothing is at work any more. */
  readonly haveEnded: (options: CallOptions) => Promise<boolean>;
}

/**
 * What a session of v4 has open. v4 has no call that ends one: its runs are cancelled, and the browsers that name it are stopped. Neither
 * waits for the other for long, so that a service which fails at one does not keep the other running.
 */
export class OpenSession extends Live<Standing> {
  constructor(api: Api, id: string, runs: RunsToEnd, owner?: Owner) {
    /** A list may lag behind, so that it is asked twice where it has shown no browser at all. */
    let hadBrowsers = false;
    let hadNone = false;
    const look = async (options: CallOptions): Promise<Standing> => {
      // A browser that is there after the end of the runs is the last one.
      const haveEnded = await patiently((own) => runs.haveEnded({ ...options, signal: own }));
      const { found, left } = await stopBrowsers(api, id, options);
      hadBrowsers ||= found > 0;
      const isOver = haveEnded === true && left === 0 && (hadBrowsers || hadNone);
      hadNone = haveEnded === true && found === 0;
      return { id, isOver };
    };
    const port = {
      idOf: (standing: Standing) => standing.id,
      get: (_: string, options: CallOptions) => inTime(options, look),
      stop: (_: string, options: CallOptions) =>
        inTime(options, async (own) => {
          // It is not given up when its patience is: the request may be on its way.
          await patiently(() => runs.cancel(options));
          return look(own);
        }),
      isClosed: ({ isOver }: Standing) => isOver,
    };
    super(port, owner ? { id, isOver: false } : id, owner);
  }
}

/** What comes of it in a short time; undefined for a failure or nothing. A session that is not found is told. */
async function patiently<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
  const timeUp = () => new TimeoutError("It takes too long.", { operation: "stop", timeoutMs: PATIENCE_MS });
  return within(PATIENCE_MS, timeUp, undefined, work).catch(() => undefined);
}

/** All calls of one look together take no longer than one of them may. */
async function inTime<T>(options: CallOptions, work: (options: CallOptions) => Promise<T>): Promise<T> {
  const { totalTimeoutMs: timeoutMs = STOP_TIMEOUT_MS } = options;
  const timeUp = () =>
    new TimeoutError(`The session was not over within ${timeoutMs} ms.`, { operation: "stop", timeoutMs });
  return within(timeoutMs, timeUp, options.signal, (signal) => work({ ...options, signal }));
}

/** Asks each browser of the session that is listed to stop. `left`: how many have not said that they have. */
async function stopBrowsers(
  api: Api,
  sessionId: string,
  options: CallOptions,
): Promise<{ readonly found: number; readonly left: number }> {
  const ids = await activeBrowsers(api, sessionId, options);
  const stopped = await Promise.all(ids.map((id) => stopBrowser(api, id, options)));
  return { found: ids.length, left: stopped.filter((isStopped) => !isStopped).length };
}

/** The browsers of a session that are live. */
export async function activeBrowsers(api: Api, sessionId: string, options: CallOptions): Promise<string[]> {
  const ids: string[] = [];
  const pages = allPages(async (pageNumber) => {
    const query = { agentSessionId: sessionId, filterBy: "active", pageSize: PAGE_SIZE, pageNumber } as const;
    const answer = await api.GET("/v4/browsers", { params: { query }, ...options });
    const { items, totalItems } = complete(answer, "GET /v4/browsers", "items");
    return { items, total: totalItems };
  });
  for await (const { id, agentSessionId } of pages) {
    // A service that does not know the filter shows the browsers of others, too.
    if (agentSessionId && isSameId(agentSessionId, sessionId)) ids.push(id);
  }
  return ids;
}

/** Whether it says that it has stopped. One that cannot be stopped is looked for again. */
async function stopBrowser(api: Api, id: string, options: CallOptions): Promise<boolean> {
  const init = { params: { path: { session_id: id } }, body: { action: "stop" }, ...options } as const;
  try {
    const { data } = await api.PATCH("/v4/browsers/{session_id}", init);
    return data.status === "stopped" && isSameId(data.id, id);
  } catch (error) {
    if (error instanceof ApiError) return false;
    throw error;
  }
}

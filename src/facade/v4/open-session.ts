import { complete, isSameId } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import { allPages, PAGE_SIZE } from "../call/pages.ts";
import { untilAborted } from "../call/wait.ts";
import { within } from "../call/within.ts";
import { ApiError, TimeoutError } from "../errors.ts";
import { isGone, Live, type Owner } from "../live.ts";
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

/** The runs of a session that is to end. */
export interface RunsToEnd {
  /** The run that is at work as far as is known without asking; null for none. */
  readonly known: () => string | null;
  /** Asks which run is at work; null for none. */
  readonly atWork: (options: CallOptions) => Promise<string | null>;
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
    const cancellations = new Cancellations(api);
    const look = async (options: CallOptions): Promise<Standing> => {
      const runId = await patiently(options, (own) => runs.atWork(own));
      if (runId) await cancellations.ask(runId, options);
      // A browser that is there after the end of the runs is the last one.
      const { found, left } = await stopBrowsers(api, id, options);
      hadBrowsers ||= found > 0;
      const isOver = runId === null && left === 0 && (hadBrowsers || hadNone);
      hadNone = runId === null && found === 0 && left === 0;
      if (isOver) cancellations.leave();
      return { id, isOver };
    };
    const port = {
      idOf: (standing: Standing) => standing.id,
      get: (_: string, options: CallOptions) => inTime(options, look),
      stop: (_: string, options: CallOptions) =>
        inTime(options, async (own) => {
          const runId = runs.known();
          if (runId !== null) await cancellations.ask(runId, own);
          return look(own);
        }),
      isClosed: ({ isOver }: Standing) => isOver,
    };
    super(port, owner ? { id, isOver: false } : id, owner);
  }
}

/** Asks for runs to be cancelled, each until the service has taken it. */
class Cancellations {
  readonly #api: Api;
  readonly #asked = new Map<string, Promise<unknown>>();
  readonly #left = new AbortController();

  constructor(api: Api) {
    this.#api = api;
  }

  /** Waits for the answer, though not for long: the request goes on, as it may be on its way. */
  async ask(runId: string, options: CallOptions): Promise<void> {
    const asked = this.#asked.get(runId) ?? this.#cancel(runId, options);
    this.#asked.set(runId, asked);
    await patiently(options, () => asked);
  }

  /** Gives up what is still on its way. */
  leave(): void {
    this.#left.abort();
  }

  /** What has failed is asked for again. */
  async #cancel(runId: string, options: CallOptions): Promise<void> {
    const params = { path: { run_id: runId } };
    const init = { params, ...options, signal: this.#left.signal };
    await this.#api.POST("/v4/runs/{run_id}/cancel", init).catch(() => this.#asked.delete(runId));
  }
}

/** What comes of it in a short time; undefined for a failure, or for nothing. */
async function patiently<T>(options: CallOptions, work: (own: CallOptions) => Promise<T>): Promise<T | undefined> {
  const timeUp = () => new TimeoutError("It takes too long.", { operation: "stop", timeoutMs: PATIENCE_MS });
  const wait = (signal: AbortSignal) => untilAborted(work({ ...options, signal }), signal);
  return within(PATIENCE_MS, timeUp, options.signal, wait).catch(() => undefined);
}

/** All calls of one look together take no longer than one of them may. */
async function inTime<T>(options: CallOptions, work: (options: CallOptions) => Promise<T>): Promise<T> {
  const { totalTimeoutMs: timeoutMs = STOP_TIMEOUT_MS } = options;
  const timeUp = () =>
    new TimeoutError("The session was not over when the time was up.", { operation: "stop", timeoutMs });
  return within(timeoutMs, timeUp, options.signal, (signal) => work({ ...options, signal }));
}

/** Asks each browser of the session that is listed to stop. `left`: how many have not said that they have. */
async function stopBrowsers(
  api: Api,
  sessionId: string,
  options: CallOptions,
): Promise<{ readonly found: number; readonly left: number }> {
  try {
    const ids = await activeBrowsers(api, sessionId, options);
    const stopped = await Promise.all(ids.map((id) => stopBrowser(api, id, options)));
    return { found: ids.length, left: stopped.filter((isStopped) => !isStopped).length };
  } catch (error) {
    // A list that is not found does not say that the session is gone: there may be any number.
    if (isGone(error)) return { found: 0, left: Number.POSITIVE_INFINITY };
    throw error;
  }
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
  for await (const { id, status, agentSessionId } of pages) {
    // A service that does not know the filters shows the browsers of others, and those that have stopped, too.
    const isOurs = agentSessionId && isSameId(agentSessionId, sessionId);
    if (isOurs && status !== "stopped") ids.push(id);
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

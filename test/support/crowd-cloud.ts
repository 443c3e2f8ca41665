import { BrowserUse, type BrowserUseOptions, type Run, type V3View } from "../../src/index.ts";
import { message, v2Step, v2Task, v3View } from "./views.ts";

/** A run that starts and ends at its times, by the clock of `performance`. */
export interface PlannedRun {
  readonly id: string;
  readonly createdAt: number;
  startsAt: number;
  endsAt: number;
}

type Version = "v2" | "v3" | "v4";

const PAGE_SIZE = 100;
const LATENCY_MS = 30;
const BASELINE = { messageId: null, stepCount: 0, totalCostUsd: "0", answered: true } as const;

/** A cloud with many runs, which counts what it is asked. Newest first, as lists are. */
export class CrowdCloud {
  readonly version: Version;
  readonly runs: PlannedRun[] = [];
  /** Paths without ids, one for each request. */
  readonly asked: string[] = [];
  /** The pages of the list that were asked for. */
  readonly pages: number[] = [];
  /** What a list answers instead; undefined: the truth. */
  listFault: ((page: number) => Response | undefined) | undefined;
  /** Whether v3 runs write no messages and count no steps. */
  leavesNoTrace = false;
  /** By how much lists lag behind. */
  listLagMs = 0;

  constructor(version: Version) {
    this.version = version;
  }

  /** Adds runs that were created now, and end after their time. */
  add(
    count: number,
    startsAfterMs: number,
    endsAfterMs: number | ((index: number) => number),
    prefix = "t",
  ): PlannedRun[] {
    const now = performance.now();
    const added = Array.from({ length: count }, (_, index) => ({
      id: `${prefix}${index}`,
      createdAt: now,
      startsAt: now + startsAfterMs,
      endsAt: now + (typeof endsAfterMs === "number" ? endsAfterMs : endsAfterMs(index)),
    }));
    this.runs.push(...added);
    return added;
  }

  client(options: BrowserUseOptions = {}): BrowserUse {
    return new BrowserUse({ apiKey: "bu_key", baseUrl: "https://cloud.test/api", fetch: this.fetch, ...options });
  }

  /** A handle on a planned run, as another process would have it. */
  resume(client: BrowserUse, { id }: { readonly id: string }): Run {
    if (this.version === "v2") return client.resume({ apiVersion: "v2", id, sessionId: `s-${id}` });
    if (this.version === "v4") return client.resume({ apiVersion: "v4", id, sessionId: `s-${id}` });
    return client.resume({ apiVersion: "v3", id, sessionId: id, baseline: BASELINE });
  }

  count(what: RegExp): number {
    return this.asked.filter((path) => what.test(path)).length;
  }

  readonly fetch = async (request: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    const [, , , kind = "", id, more = ""] = pathname.split("/");
    this.asked.push(`${kind}${id ? "/id" : ""}${more && `/${more}`}`);
    if (id === undefined) this.pages.push(pageOf(searchParams));
    await this.#latency(request.signal);
    if (id === undefined) return this.#list(searchParams);
    const run = this.runs.find((one) => plain(one.id) === plain(id));
    if (!run) return Response.json({ detail: "Task not found" }, { status: 404 });
    if (more === "events")
      return Response.json({ events: [{ id: 1, type: "t", data: {} }], hasMore: false, nextAfter: null });
    if (more === "messages") return Response.json({ messages: this.#messages(run), hasMore: false });
    if (this.version === "v4") return Response.json(this.#run(run));
    return Response.json(this.version === "v2" ? this.#task(run) : this.#view(run));
  };

  #latency(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, LATENCY_MS);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    });
  }

  #list(query: URLSearchParams): Response {
    const page = pageOf(query);
    const fault = this.listFault?.(page);
    if (fault) return fault;
    const at = performance.now() - this.listLagMs;
    const all = this.runs.filter(({ createdAt }) => createdAt <= performance.now()).reverse();
    if (this.version === "v4") {
      const from = Number(query.get("cursor") ?? 0);
      const runs = all.slice(from, from + 50).map((run) => this.#run(run, at));
      const hasMore = from + 50 < all.length;
      return Response.json({ runs, hasMore, nextCursor: hasMore ? String(from + 50) : null });
    }
    if (this.version === "v3") {
      const sessions = all.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE).map((run) => this.#view(run, at));
      return Response.json({ sessions, total: all.length, page, pageSize: PAGE_SIZE });
    }
    const status = query.get("filterBy");
    const matching = all.map((run) => this.#task(run, at)).filter((task) => task.status === status);
    const items = matching.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE);
    return Response.json({ items, totalItems: matching.length, pageNumber: page, pageSize: PAGE_SIZE });
  }

  #task({ id, startsAt, endsAt }: PlannedRun, at = performance.now()): ReturnType<typeof v2Task> {
    if (at >= endsAt) return v2Task({ id, output: `answer of ${id}`, steps: [v2Step(1)] });
    const status = at >= startsAt ? "started" : "created";
    return v2Task({ id, status, output: null, isSuccess: null, finishedAt: null });
  }

  #run({ id, startsAt, endsAt }: PlannedRun, at = performance.now()) {
    const status = at >= endsAt ? "completed" : at >= startsAt ? "running" : "queued";
    return {
      id,
      sessionId: `s-${id}`,
      status,
      result: status === "completed" ? `answer of ${id}` : null,
      error: null,
      totalCostUsd: "0.1",
      createdAt: "2026-03-01T10:00:00Z",
      updatedAt: "2026-03-01T10:00:00Z",
    };
  }

  #view({ id, startsAt, endsAt }: PlannedRun, at = performance.now()): V3View {
    if (at >= endsAt)
      return v3View({ id, output: `answer of ${id}`, isTaskSuccessful: true, stepCount: this.leavesNoTrace ? 0 : 2 });
    if (at >= startsAt) return v3View({ id, status: "running", stepCount: this.leavesNoTrace ? 0 : 1 });
    return v3View({ id, output: "yesterday", isTaskSuccessful: true });
  }

  #messages({ id, startsAt }: PlannedRun) {
    if (performance.now() < startsAt || this.leavesNoTrace) return [];
    return [message(`h-${id}`, "human"), message(`a-${id}`, "assistant")];
  }
}

function plain(id: string): string {
  return id.replaceAll("-", "").toLowerCase();
}

function pageOf(query: URLSearchParams): number {
  return Number(query.get("pageNumber") ?? query.get("page"));
}

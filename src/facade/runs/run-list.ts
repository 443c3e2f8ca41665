import { complete, plainId } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import { PAGE_SIZE } from "../call/pages.ts";
import type { Query } from "../types.ts";

/** A page that does not come is as good as none: the next turn comes soon, and the poller limits how long one takes. */
const ONCE = { maxRetries: 0 } as const;

/** Where a run stands in the service's list, as far as is known. */
export interface ListPlace {
  /** As lists have it: of a v2 task, or of a v3 session. Both ids are as {@link plainId} gives them. */
  readonly id: string;
  readonly sessionId: string;
  /** On which page it was seen, or is looked for; undefined: nothing is known yet. */
  page?: number | undefined;
}

/** What lists say of some runs. */
export interface Reading {
  /** By the place's id; those that are not here were on none of the pages that were read. */
  readonly statuses: ReadonlyMap<string, string>;
  /** What it has cost, with one request for each run that has to be asked for by itself. */
  readonly requests: number;
}

/** Reads what lists say of these runs, with fewer requests than asking for each would take, or only a few more. */
export type RunList = (places: readonly ListPlace[], signal: AbortSignal) => Promise<Reading>;

interface Row {
  readonly id: string;
  readonly status: string;
}

interface Rows {
  readonly rows: readonly Row[];
  readonly total: number;
}

type TaskStatus = NonNullable<Query<"/v2/tasks", "get">["filterBy"]>;

/** Reads the tasks that are at work, then those that have yet to start: a task that is on neither list has probably ended. */
export function v2RunList(api: Api): RunList {
  return async (places, signal) => {
    const started = await readTasks(api, places, "started", signal);
    for (const place of places) if (started.statuses.has(place.id)) place.page = 1;
    // One that was seen at work does not go back to waiting.
    const unseen = places.filter(({ page }) => page === undefined);
    const created = unseen.length > 1 ? await readTasks(api, unseen, "created", signal) : undefined;
    const statuses = new Map([...(created?.statuses ?? []), ...started.statuses]);
    // Those that were seen at work have ended: that they are asked for is no waste.
    const lost = unseen.filter(({ id }) => !statuses.has(id)).length;
    const requests = started.requests + (created?.requests ?? 0) + lost;
    return { statuses, requests };
  };
}

/** Pages are read for as long as they are fewer than the tasks that were not found yet. */
async function readTasks(
  api: Api,
  places: readonly ListPlace[],
  filterBy: TaskStatus,
  signal: AbortSignal,
): Promise<Reading> {
  const page = async (pageNumber: number): Promise<Rows> => {
    const query = { filterBy, pageSize: PAGE_SIZE, pageNumber };
    const answer = await api.GET("/v2/tasks", { params: { query }, signal, ...ONCE });
    const { items, totalItems } = complete(answer, "GET /v2/tasks", "items");
    return { rows: items, total: totalItems };
  };
  const first = await page(1);
  const statuses = new Map<string, string>();
  note(first.rows, places, statuses);
  const more = Math.ceil(first.total / PAGE_SIZE) - 1;
  if (!(more < places.length - statuses.size)) return { statuses, requests: 1 };
  const rest = await Promise.all(Array.from({ length: Math.max(0, more) }, (_, index) => page(index + 2)));
  for (const { rows } of rest) note(rows, places, statuses);
  return { statuses, requests: 1 + rest.length };
}

/**
 * Reads pages of the sessions of all times, newest first, but only those on which two or more of ours are expected. Sessions that are
 * opened later push the older ones towards the end, so that what is not on its page is looked for on the next one at the next turn.
 */
export function v3RunList(api: Api): RunList {
  const read = async (page: number, signal: AbortSignal): Promise<Rows> => {
    const query = { page, page_size: PAGE_SIZE };
    const answer = await api.GET("/v3/sessions", { params: { query }, signal, ...ONCE });
    const { sessions, total } = complete(answer, "GET /v3/sessions", "sessions");
    return { rows: sessions, total };
  };
  return async (places, signal) => {
    const statuses = new Map<string, string>();
    let requests = 0;
    for (let pages = pagesWorthReading(places); pages.length > 0; ) {
      const answers = await Promise.all(pages.map(async (page) => ({ page, ...(await read(page, signal)) })));
      requests += answers.length;
      const found = answers.map(({ page, rows }) => place(note(rows, places, statuses), page));
      const missing = places.filter(({ id }) => !statuses.has(id));
      for (const { page, total } of answers) moveOn(missing, page, total);
      // Where some were found, others are likely to be on the next page. Where none was, that can wait for the next turn.
      const nexts = answers.filter((_, index) => (found[index] ?? 0) > 1).map(({ page }) => page + 1);
      pages = pagesWorthReading(missing).filter((page) => nexts.includes(page) && !pages.includes(page));
    }
    return { statuses, requests: requests + places.length - statuses.size };
  };
}

function place(found: readonly ListPlace[], page: number): number {
  for (const one of found) one.page = page;
  return found.length;
}

/** What was expected on a page and is not there is looked for on the next one, and after the last one from the beginning. */
function moveOn(missing: readonly ListPlace[], page: number, total: number): void {
  for (const one of missing) if ((one.page ?? 1) === page) one.page = page * PAGE_SIZE < total ? page + 1 : 1;
}

function pagesWorthReading(places: readonly ListPlace[]): number[] {
  const expected = new Map<number, number>();
  for (const { page = 1 } of places) expected.set(page, (expected.get(page) ?? 0) + 1);
  return [...expected].flatMap(([page, count]) => (count > 1 ? [page] : []));
}

/** Takes over what the rows say, and gives the places that were found. */
function note(rows: readonly Row[], places: readonly ListPlace[], statuses: Map<string, string>): ListPlace[] {
  const byId = new Map(rows.map(({ id, status }) => [plainId(id), status]));
  return places.filter(({ id }) => {
    const status = byId.get(id);
    // What was found before says nothing new: a service that gives the same page again is at its end.
    if (typeof status !== "string" || statuses.has(id)) return false;
    statuses.set(id, status);
    return true;
  });
}

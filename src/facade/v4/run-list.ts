import { complete } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import { note, ONCE, type RunList } from "../runs/run-list.ts";
import type { Ok } from "../types.ts";

/** How many pages without any of ours may be read, as a part of what asking for the missing ones by themselves costs. */
const SHARE_IN_VAIN = 0.25;
/** A page leads to the next, so that they cannot be read at once: what is far down is not worth the time. */
const LONGEST_WALK_MS = 2_500;
/** The page of a run that was looked for in vain. */
const NOWHERE = Number.POSITIVE_INFINITY;

type Page = Ok<"/v4/runs", "get">;

/**
 * Walks down the runs of all times, newest first, for as long as that is likely to cost less than asking for each that is missing. How
 * long a page may be is not documented, so that it is as long as the service makes it. A run that was looked for in vain is looked for
 * again only where others of ours are.
 */
export function v4RunList(api: Api): RunList {
  const read = async (cursor: string | null | undefined, signal: AbortSignal): Promise<Page> => {
    const params = { query: { ...(cursor && { cursor }) } };
    return complete(await api.GET("/v4/runs", { params, signal, ...ONCE }), "GET /v4/runs", "runs");
  };
  return async (places, signal) => {
    const begun = performance.now();
    const statuses = new Map<string, string>();
    const seen = new Set<string>();
    let inVain = 0;
    for (let page = 1, cursor: string | null | undefined; ; page++) {
      const { runs, nextCursor } = await read(cursor, signal);
      const found = note(runs, places, statuses);
      for (const one of found) one.page = page;
      if (found.length === 0) inVain += 1;
      const missing = places.filter(({ id }) => !statuses.has(id));
      const expected = missing.filter((one) => one.page !== NOWHERE || found.length > 1);
      const isWorthIt = expected.length > 1 && inVain <= missing.length * SHARE_IN_VAIN;
      const before = seen.size;
      for (const { id } of runs) seen.add(id);
      cursor = nextCursor;
      // A page that brings nothing new is the last, whatever it says.
      if (cursor && seen.size > before && isWorthIt && performance.now() - begun < LONGEST_WALK_MS) continue;
      for (const one of missing) one.page = NOWHERE;
      return { statuses, requests: page + missing.length };
    }
  };
}

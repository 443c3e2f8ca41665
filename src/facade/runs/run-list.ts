import { plainId } from "../call/answers.ts";

/** A page that does not come is as good as none: the next turn comes soon, and the poller limits how long one takes. */
export const ONCE = { maxRetries: 0 } as const;

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

/** A row of a list. */
export interface Row {
  readonly id: string;
  readonly status: string;
}

/** The rows of one page, and how many there are on all. */
export interface Rows {
  readonly rows: readonly Row[];
  readonly total: number;
}

/** Takes over what the rows say, and gives the places that were found. */
export function note(rows: readonly Row[], places: readonly ListPlace[], statuses: Map<string, string>): ListPlace[] {
  const byId = new Map(rows.map(({ id, status }) => [plainId(id), status]));
  return places.filter(({ id }) => {
    const status = byId.get(id);
    // What was found before says nothing new: a service that gives the same page again is at its end.
    if (typeof status !== "string" || statuses.has(id)) return false;
    statuses.set(id, status);
    return true;
  });
}

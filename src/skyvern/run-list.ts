import type { Api } from "../facade/call/api.ts";
import { PAGE_SIZE } from "../facade/call/pages.ts";
import { note, ONCE, type Row, type RunList } from "../facade/runs/run-list.ts";
import type { paths } from "../generated/skyvern/api.ts";
import { AT_WORK } from "./run-port.ts";

/** The service refuses pages after this one. */
const LAST_PAGE = 100;

/**
 * Reads the runs that are at work: a task that is not among them has probably ended. Pages are read for as long as they are fewer than the
 * tasks that were not found yet; how many there are is not told, so that one that is not full is the last.
 */
export function taskRunList(api: Api<paths>): RunList {
  return async (places, signal) => {
    const statuses = new Map<string, string>();
    let page = 0;
    for (let isFull = true; isFull && page < places.length - statuses.size && page < LAST_PAGE; ) {
      page += 1;
      const rows = await readPage(api, page, signal);
      note(rows, places, statuses);
      isFull = rows.length >= PAGE_SIZE;
    }
    return { statuses, requests: page + places.length - statuses.size };
  };
}

async function readPage(api: Api<paths>, page: number, signal: AbortSignal): Promise<Row[]> {
  const query = { page, page_size: PAGE_SIZE, status: [...AT_WORK] };
  const { data } = await api.GET("/v1/runs", { params: { query }, signal, ...ONCE });
  return data.map(({ run_id: id = "", status = "" }) => ({ id, status }));
}

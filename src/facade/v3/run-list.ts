import { complete } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import { PAGE_SIZE } from "../call/pages.ts";
import { type ListPlace, note, ONCE, type Rows, type RunList } from "../runs/run-list.ts";

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

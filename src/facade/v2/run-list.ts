import { complete } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import { PAGE_SIZE } from "../call/pages.ts";
import { type ListPlace, note, ONCE, type Reading, type Rows, type RunList } from "../runs/run-list.ts";
import type { Query } from "../types.ts";

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

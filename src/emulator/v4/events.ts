import { timestamp } from "../clock.ts";
import type { Cloud } from "../cloud.ts";
import type { Handlers, QueryOf, Schema } from "../operations.ts";
import { pageSize } from "./cursors.ts";
import type { EventV4, RunV4 } from "./records.ts";
import { findRunV4 } from "./runs.ts";

/** The service names no largest page. Ours are never larger than the default, so that a client has to read `hasMore`. */
const MAX_LIMIT = 200;

/** Events of v4 runs. */
export function eventV4Handlers(cloud: Cloud): Handlers {
  return {
    v4_get_run_events_runs__run_id__events_get: ({ path, query }) => window(findRunV4(cloud, path.run_id), query),
  };
}

/** Oldest first, those that came after an id. A page without events says nothing about where to go on. */
function window(
  run: RunV4,
  { limit, after = 0 }: QueryOf<"v4_get_run_events_runs__run_id__events_get">,
): Schema<"V4RunEventsResponse"> {
  const rest = run.events.filter(({ id }) => id > after);
  const events = rest.slice(0, pageSize(limit, MAX_LIMIT));
  return {
    events: events.map((event) => show(run, event)),
    nextAfter: events.at(-1)?.id ?? null,
    hasMore: rest.length > events.length,
  };
}

function show(run: RunV4, { id, type, data, createdAt }: EventV4): Schema<"V4RunEvent"> {
  return { runId: run.id, id, type, data: { ...data }, ts: timestamp("v4", createdAt) };
}

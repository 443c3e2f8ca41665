import { timestamp } from "../clock.ts";
import type { Cloud } from "../cloud.ts";
import type { Handlers, Schema } from "../operations.ts";
import { problems } from "../server/problem.ts";
import { newestAfter } from "./cursors.ts";
import type { RunV4, SessionV4 } from "./records.ts";

/** Sessions of v4: what runs make and continue. */
export function sessionV4Handlers(cloud: Cloud): Handlers {
  return {
    v4_list_sessions_sessions_get: ({ query }) => {
      const all = cloud.sessionsV4.values();
      const { items, ...rest } = newestAfter("sessions", all, query, (session) => latestRun(session).number);
      return { sessions: items.map(show), ...rest };
    },
    v4_get_session_sessions__session_id__get: ({ path }) => show(findSessionV4(cloud, path.session_id)),
  };
}

/**
 * Purging sessions of v4. A project that keeps no data can have no runs, and no other project may purge: so there is nothing here that
 * could be purged.
 */
export function purgeV4Handlers(cloud: Cloud): Handlers {
  return {
    v4_purge_session_sessions__session_id__purge_post: ({ path }) => {
      findSessionV4(cloud, path.session_id);
      throw problems.purgeForbidden();
    },
  };
}

/**
 * The v4 session with this id.
 *
 * @throws Problem 404
 */
export function findSessionV4(cloud: Cloud, id: string): SessionV4 {
  const session = cloud.sessionsV4.get(id);
  if (!session) throw problems.sessionNotFound();
  return session;
}

/** The run that a session is shown by. */
export function latestRun({ id, runs }: SessionV4): RunV4 {
  const run = runs.at(-1);
  if (!run) throw new Error(`session ${id} has no run`);
  return run;
}

/** Its times and its status are those of its latest run. */
function show(session: SessionV4): Schema<"V4SessionInfo"> {
  const run = latestRun(session);
  return {
    sessionId: session.id,
    workspaceId: session.workspaceId,
    latestRunId: run.id,
    task: run.request.task,
    title: run.title,
    status: run.status,
    createdAt: timestamp("v4", run.createdAt),
    updatedAt: timestamp("v4", run.updatedAt),
  };
}

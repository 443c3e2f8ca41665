import { randomUUID } from "node:crypto";
import { timestamp, timestampOrNull } from "../clock.ts";
import type { Cloud } from "../cloud.ts";
import type { Handlers, Schema } from "../operations.ts";
import { liveUrl, recordingUrl } from "../recordings.ts";
import type { SessionV2 } from "../records.ts";
import { checkScreen } from "../screen.ts";
import { matching, page } from "../server/paging.ts";
import { problems } from "../server/problem.ts";
import { outputsOf } from "./runs.ts";
import { showTaskItem } from "./tasks.ts";

/** Sessions of v2, and their public shares. */
export function sessionV2Handlers(cloud: Cloud): Handlers {
  return {
    v2_list_sessions_sessions_get: ({ query }) => page(wanted(cloud, query.filterBy), query, showItem),
    v2_create_session_sessions_post: ({ body }) => {
      checkScreen(body ?? {});
      return showItem(createSessionV2(cloud, body ?? {}));
    },
    v2_get_session_sessions__session_id__get: ({ path, origin }) => show(cloud, find(cloud, path.session_id), origin),
    v2_update_session_sessions__session_id__patch: ({ path }) => {
      const session = find(cloud, path.session_id);
      cloud.end(session, "stopped");
      return show(cloud, session, undefined);
    },
    v2_delete_session_sessions__session_id__delete: ({ path }) => remove(cloud, path.session_id),
    v2_purge_session_sessions__session_id__purge_post: ({ path }) => {
      find(cloud, path.session_id);
      if (!cloud.settings.zeroDataRetention) throw problems.purgeForbidden();
      remove(cloud, path.session_id);
    },
    v2_get_session_public_share_sessions__session_id__public_share_get: ({ path }) => {
      const { share } = find(cloud, path.session_id);
      if (!share) throw problems.shareNotFound();
      return share;
    },
    v2_create_session_public_share_sessions__session_id__public_share_post: ({ path }) => {
      const session = find(cloud, path.session_id);
      session.share ??= newShare();
      return session.share;
    },
    v2_delete_session_public_share_sessions__session_id__public_share_delete: ({ path }) => {
      find(cloud, path.session_id).share = null;
    },
  };
}

/**
 * Opens a session.
 *
 * @throws Problem 404 when there is no such profile, 429 when the cap is reached.
 */
export function createSessionV2(cloud: Cloud, body: Partial<Schema<"V2CreateSessionRequest">>): SessionV2 {
  const hold = cloud.hold({ profileId: body.profileId ?? null, recording: body.enableRecording ?? false });
  return cloud.add<SessionV2>(hold, {
    kind: "v2",
    keepAlive: body.keepAlive ?? true,
    persistMemory: body.persistMemory ?? true,
    tasks: [],
    share: null,
  });
}

/** Where the files that are uploaded to a session are kept. */
export function uploadsOf(session: { readonly id: string }): string {
  return `uploads/${session.id}`;
}

function wanted(cloud: Cloud, status: Schema<"V2SessionStatus"> | null | undefined): SessionV2[] {
  return matching(cloud.ofKind("v2"), (session) => status == null || statusOf(session) === status);
}

function find(cloud: Cloud, id: string): SessionV2 {
  const session = cloud.sessions.get(id);
  if (session?.kind !== "v2") throw problems.sessionNotFound();
  return session;
}

function remove(cloud: Cloud, id: string): undefined {
  const session = find(cloud, id);
  cloud.end(session, "stopped");
  cloud.remove(session);
  cloud.bucket.deleteFolder(uploadsOf(session));
  for (const task of session.tasks) {
    cloud.tasks.delete(task.id);
    cloud.bucket.deleteFolder(outputsOf(task));
    cloud.bucket.deleteFolder(`logs/${task.id}`);
  }
}

function newShare(): Schema<"V2ShareView"> {
  const shareToken = randomUUID();
  return { shareToken, shareUrl: `https://share.emulator.test/${shareToken}`, viewCount: 0, lastViewedAt: null };
}

/** What lists and creates show; a list never has a recording. */
function showItem(session: SessionV2): Schema<"V2SessionItemView"> {
  return {
    id: session.id,
    status: statusOf(session),
    liveUrl: liveUrl(session),
    recordingUrl: null,
    startedAt: timestamp("v2", session.startedAt),
    finishedAt: timestampOrNull("v2", session.finishedAt),
    persistMemory: session.persistMemory,
    keepAlive: session.keepAlive,
    proxyUsedMb: "0",
    proxyCost: "0",
  };
}

function show(cloud: Cloud, session: SessionV2, origin: string | undefined): Schema<"V2SessionView"> {
  return {
    ...showItem(session),
    recordingUrl: origin === undefined ? null : recordingUrl(cloud, session, origin),
    tasks: session.tasks.map(showTaskItem),
    publicShareUrl: session.share?.shareUrl ?? null,
  };
}

function statusOf(session: SessionV2): Schema<"V2SessionStatus"> {
  return session.end === null ? "active" : "stopped";
}

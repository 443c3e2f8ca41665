import { timestamp } from "../clock.ts";
import type { Cloud } from "../cloud.ts";
import type { Handlers, QueryOf, Schema } from "../operations.ts";
import type { MessageV3, SessionV3 } from "../records.ts";
import { problems } from "../server/problem.ts";
import { findSessionV3 } from "./sessions.ts";

type Query = QueryOf<"v3_list_session_messages_sessions__session_id__messages_get">;

/** Messages of v3 sessions. */
export function messageV3Handlers(cloud: Cloud): Handlers {
  return {
    v3_list_session_messages_sessions__session_id__messages_get: ({ path, query }) =>
      window(findSessionV3(cloud, path.session_id), query),
  };
}

/** Oldest first. `after` gives what follows a message; `before` gives what is just before one. */
function window(session: SessionV3, query: Query): Schema<"V3MessageListResponse"> {
  const { limit } = query;
  const from = query.after == null ? 0 : indexOf(session, query.after) + 1;
  const to = query.before == null ? session.messages.length : indexOf(session, query.before);
  const between = session.messages.slice(from, Math.max(from, to));
  const backwards = query.before != null && query.after == null;
  const messages = backwards ? between.slice(-limit) : between.slice(0, limit);
  return { messages: messages.map((message) => show(session, message)), hasMore: between.length > messages.length };
}

function indexOf(session: SessionV3, id: string): number {
  const index = session.messages.findIndex((message) => message.id === id.toLowerCase());
  if (index < 0) throw problems.messageNotFound();
  return index;
}

function show(session: SessionV3, message: MessageV3): Schema<"V3MessageResponse"> {
  return {
    ...message,
    sessionId: session.id,
    screenshotUrl: null,
    createdAt: timestamp("v3", message.createdAt),
  };
}

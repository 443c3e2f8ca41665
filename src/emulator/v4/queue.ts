import { timestamp } from "../clock.ts";
import type { Cloud } from "../cloud.ts";
import type { Handlers, Schema } from "../operations.ts";
import { isBusy, takeTurn } from "./dispatch.ts";
import { problemsV4 } from "./problems.ts";
import type { MessageV4, SessionV4 } from "./records.ts";
import { findSessionV4, latestRun } from "./sessions.ts";

/** How many messages may wait in a session. The service does not say. */
const MAX_PENDING = 20;

/** Messages that are sent to a v4 session, at work or not. */
export function queueV4Handlers(cloud: Cloud): Handlers {
  return {
    v4_queue_session_message_sessions__session_id__queue_post: ({ path, body }) => {
      const session = findSessionV4(cloud, path.session_id);
      return show(session, send(cloud, session, body));
    },
    v4_list_session_queue_sessions__session_id__queue_get: ({ path }) => {
      const session = findSessionV4(cloud, path.session_id);
      return { queue: pending(session).map((message) => show(session, message)) };
    },
    v4_cancel_queued_message_sessions__session_id__queue__message_id__delete: ({ path }) => {
      const session = findSessionV4(cloud, path.session_id);
      const message = session.queue.find(({ id }) => id === path.message_id);
      if (!message) throw problemsV4.queuedMessageNotFound();
      if (message.status !== "pending") throw problemsV4.notPending();
      message.status = "cancelled";
      return show(session, message);
    },
  };
}

/** At work, a session takes its messages one after the other; one that interrupts comes before those that wait. */
function send(cloud: Cloud, session: SessionV4, body: Schema<"V4QueueMessageRequest">): MessageV4 {
  if (pending(session).length >= MAX_PENDING) throw problemsV4.queueFull();
  const message = newMessage(cloud, body);
  if (!isBusy(session)) {
    takeTurn(cloud, session, message);
    session.queue.push(message);
  } else if (body.interrupt) {
    session.queue.unshift(message);
    latestRun(session).job?.stop("A message has interrupted the run.");
  } else {
    session.queue.push(message);
  }
  return message;
}

function pending({ queue }: SessionV4): MessageV4[] {
  return queue.filter(({ status }) => status === "pending");
}

function newMessage(cloud: Cloud, { text, attachedFileIds = null }: Schema<"V4QueueMessageRequest">): MessageV4 {
  return {
    id: cloud.nextMessageV4++,
    text,
    attachedFileIds,
    createdAt: cloud.clock.now(),
    status: "pending",
    run: null,
  };
}

function show(session: SessionV4, message: MessageV4): Schema<"V4QueuedMessage"> {
  return {
    id: message.id,
    sessionId: session.id,
    runId: message.run?.id ?? null,
    status: message.status,
    text: message.text,
    attachedFileIds: message.attachedFileIds && [...message.attachedFileIds],
    createdAt: timestamp("v4", message.createdAt),
  };
}

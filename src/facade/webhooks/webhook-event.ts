import { isRecord } from "../call/redact.ts";
import { toDate } from "../call/wire.ts";
import type { Open } from "../types.ts";

/** What a status update may say: v3's `idle`, `running`, `stopped`, v2's, older ones, and what is yet to come. */
export type WebhookStatus = Open<
  "created" | "failed" | "finished" | "idle" | "initializing" | "paused" | "running" | "started" | "stopped"
>;

/** What every event may have. It is plain data, the same after `JSON.parse(JSON.stringify(event))`. */
interface WebhookFields {
  /** When it happened, ISO 8601 in UTC; left out when the service gives no time. */
  readonly timestamp?: string;
  /** The session that it is about. */
  readonly sessionId?: string;
  /** The task that it is about. In v3 a run goes by its session. */
  readonly taskId?: string;
  /** The event in the service's own form. Numbers that JavaScript cannot hold are rounded. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/**
 * A task or a session has changed its status. The event has no output, and may be late, repeated, out of order or lost: take it as a
 * reason to look, not as the answer. What the service leaves out, or sends in another shape, is left out here.
 */
export interface StatusUpdateEvent extends WebhookFields {
  readonly type: "agent.task.status_update";
  /** The status at the time of the event; it may have changed since. */
  readonly status?: WebhookStatus;
  /** What the task was given as metadata; empty when there is none. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The dashboard tries the address. Answer it like any other; there is nothing else to do. */
export interface TestEvent extends WebhookFields {
  readonly type: "test";
}

/** An event of a type that this version does not know; `raw.type` says which. */
export interface UnknownEvent extends WebhookFields {
  readonly type: "unknown";
}

/**
 * A verified event. It carries no output, and may be late, repeated, out of order or lost. Give it to `browserUse.notify(event)`, here
 * or, as JSON, in another process: waits for that run look at once.
 */
export type WebhookEvent = StatusUpdateEvent | TestEvent | UnknownEvent;

/** Reads a verified body; undefined when it is no object. Lenient with the rest: refusing what is genuine helps nobody. */
export function readEvent(raw: unknown): WebhookEvent | undefined {
  if (!isRecord(raw)) return undefined;
  const payload = isRecord(raw["payload"]) ? raw["payload"] : {};
  const fields = { ...fieldsOf(raw, payload), raw };
  if (raw["type"] === "test") return { type: "test", ...fields };
  if (raw["type"] !== "agent.task.status_update") return { type: "unknown", ...fields };
  const metadata = isRecord(payload["metadata"]) ? payload["metadata"] : {};
  return { type: "agent.task.status_update", ...fields, ...present({ status: payload["status"] }), metadata };
}

/** Documentation of the service has had its ids in both spellings. */
function fieldsOf(raw: Record<string, unknown>, payload: Record<string, unknown>) {
  const { session_id, sessionId = session_id, task_id, taskId = task_id } = payload;
  const at = typeof raw["timestamp"] === "string" ? toDate(raw["timestamp"]) : null;
  return present({ timestamp: at?.toISOString(), sessionId, taskId });
}

/** The fields that are texts, and not empty. */
function present<Name extends string>(
  fields: Readonly<Record<Name, unknown>>,
): Readonly<Partial<Record<Name, string>>> {
  const texts = Object.entries(fields).filter(([, value]) => typeof value === "string" && value !== "");
  return Object.fromEntries(texts) as Partial<Record<Name, string>>; // `fromEntries` forgets the names
}

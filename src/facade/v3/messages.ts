import { complete } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import type { CallOptions, Ok, Query } from "../types.ts";

const PAGE_SIZE = 100;
const FROM_US: ReadonlySet<string> = new Set(["human", "user"]);
/** Notes that say nothing about a run. */
const FROM_NOBODY: ReadonlySet<string> = new Set(["system", ""]);

/** A message of a v3 session, as the service shows it. */
export interface V3Message extends Readonly<Ok<"/v3/sessions/{session_id}/messages", "get">["messages"][number]> {}

type Page = Query<"/v3/sessions/{session_id}/messages", "get">;

/** Whether a message was written to the agent, not by it. */
export function isFromUs(message: V3Message): boolean {
  return FROM_US.has(roleOf(message));
}

/** Whether a message was written by the agent or one of its tools. */
export function isFromAgent(message: V3Message): boolean {
  return !FROM_US.has(roleOf(message)) && !FROM_NOBODY.has(roleOf(message));
}

function roleOf({ role }: V3Message): string {
  return (role ?? "").toLowerCase();
}

/**
 * All messages after the one named, oldest first; with null, all there are. Where a page without a cursor begins is not
 * documented, so that then both directions are walked.
 */
export async function messagesAfter(
  api: Api,
  sessionId: string,
  after: string | null,
  options: CallOptions,
): Promise<V3Message[]> {
  const later = await walk(api, sessionId, after, options);
  return after === null ? [...(await earlier(api, sessionId, later, options)), ...later] : later;
}

/** The id of the last message, or `known` when none came after it. */
export async function lastMessageId(
  api: Api,
  sessionId: string,
  known: string | null,
  options: CallOptions,
): Promise<string | null> {
  return (await walk(api, sessionId, known, options)).at(-1)?.id ?? known;
}

/** Towards the end, until a page brings nothing that is new. */
async function walk(api: Api, sessionId: string, after: string | null, options: CallOptions): Promise<V3Message[]> {
  const found = new Map<string, V3Message>();
  for (let cursor = after; ; ) {
    const { messages, hasMore } = await page(api, sessionId, cursor === null ? {} : { after: cursor }, options);
    const before = found.size;
    const place = messages.findIndex(({ id }) => id === after);
    for (const message of messages.slice(place + 1)) found.set(message.id, message);
    cursor = messages.at(-1)?.id ?? cursor;
    if (!hasMore || found.size === before) return [...found.values()];
  }
}

/** Towards the beginning, until a page brings nothing that is new. */
async function earlier(
  api: Api,
  sessionId: string,
  known: readonly V3Message[],
  options: CallOptions,
): Promise<V3Message[]> {
  const ids = new Set(known.map(({ id }) => id));
  const found: V3Message[] = [];
  for (let first = known[0]?.id; first !== undefined; ) {
    const { messages } = await page(api, sessionId, { before: first }, options);
    const unknown = messages.filter(({ id }) => !ids.has(id));
    for (const { id } of unknown) ids.add(id);
    found.unshift(...unknown);
    first = unknown[0]?.id;
  }
  return found;
}

async function page(api: Api, sessionId: string, cursor: Page, options: CallOptions) {
  const params = { path: { session_id: sessionId }, query: { limit: PAGE_SIZE, ...cursor } };
  const answer = await api.GET("/v3/sessions/{session_id}/messages", { params, ...options });
  return complete(answer, "GET /v3/sessions/{session_id}/messages", "messages");
}

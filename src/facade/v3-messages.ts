import type { Api } from "./api.ts";
import type { CallOptions, Ok, Query } from "./types.ts";

const PAGE_SIZE = 100;
const FROM_US: ReadonlySet<string> = new Set(["human", "user"]);

/** A message of a v3 session, as the service shows it. */
export interface V3Message extends Readonly<Ok<"/v3/sessions/{session_id}/messages", "get">["messages"][number]> {}

type Page = Query<"/v3/sessions/{session_id}/messages", "get">;

/** Whether a message was written to the agent, not by it. */
export function isFromUs(message: V3Message): boolean {
  return FROM_US.has(message.role.toLowerCase());
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

async function walk(api: Api, sessionId: string, after: string | null, options: CallOptions): Promise<V3Message[]> {
  const found: V3Message[] = [];
  for (let cursor = after; ; ) {
    const { messages, hasMore } = await page(api, sessionId, cursor === null ? {} : { after: cursor }, options);
    found.push(...messages);
    const last = messages.at(-1)?.id;
    if (!hasMore || last === undefined || last === cursor) return found;
    cursor = last;
  }
}

async function earlier(
  api: Api,
  sessionId: string,
  known: readonly V3Message[],
  options: CallOptions,
): Promise<V3Message[]> {
  const found: V3Message[] = [];
  for (let first = known[0]?.id; first !== undefined; ) {
    const { messages } = await page(api, sessionId, { before: first }, options);
    found.unshift(...messages);
    first = messages[0]?.id;
  }
  return found;
}

async function page(api: Api, sessionId: string, cursor: Page, options: CallOptions) {
  const params = { path: { session_id: sessionId }, query: { limit: PAGE_SIZE, ...cursor } };
  return (await api.GET("/v3/sessions/{session_id}/messages", { params, ...options })).data;
}

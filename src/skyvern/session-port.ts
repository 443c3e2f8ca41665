import { InvalidInputError } from "../facade/errors.ts";
import type { SessionPort } from "../facade/pool/session-port.ts";
import { poolPort } from "../facade/pool-port.ts";
import { isId } from "./bare-pages.ts";
import { checkedFirst, type SkyvernContext } from "./context.ts";
import { lookWhenFree } from "./free.ts";
import { lifeMs } from "./life.ts";
import { type SkyvernOpenRequest, sessionBody } from "./open-request.ts";
import { SkyvernSession } from "./session.ts";
import { createSession, KIND, phaseOf, type SkyvernSessionView, skyvernPort } from "./session-view.ts";
import type { SkyvernSessions } from "./sessions.ts";

const ORPHAN_EXTRA_MS = 5 * 60_000;

/** What a pool needs of Skyvern. All of a session is baked in at its opening. */
export function sessionPort(
  context: SkyvernContext,
  sessions: SkyvernSessions,
): SessionPort<SkyvernOpenRequest, SkyvernSession> {
  const { api } = context;
  return poolPort<SkyvernContext, SkyvernOpenRequest, SkyvernSessionView, SkyvernSession>(context, {
    // A pool looks at what was quiet when it was given back: what still has the session then is its last run, on its way out.
    live: { ...skyvernPort(api), get: (id, options) => lookWhenFree(api, id, options) },
    under: (check) => checkedFirst(context, check),
    account: noAccount,
    isSaved: ({ completed_at }) => completed_at != null,
    kind: KIND,
    realm: "skyvern",
    plan: (request) => {
      const longestLifeMs = lifeMs(request);
      const orphanLifeMs = longestLifeMs + ORPHAN_EXTRA_MS;
      const profileId = request.browser_profile_id ?? undefined;
      return { request, baked: sessionBody(request), profileId, longestLifeMs, orphanLifeMs };
    },
    create: (request, _mark, limits) => createSession(api, sessionBody(request), limits),
    phaseOf,
    list: () => idsOf(sessions.list()),
    handle: (own, view, _request, owner) => new SkyvernSession(own, view, owner),
    attach: (id) => sessions.attach(id),
    isQuiet: (session) => session.isQuiet,
  });
}

async function noAccount(): Promise<never> {
  throw new InvalidInputError(
    "Skyvern tells neither a cap nor a project: pass maxSessions to SessionPool, and project where it shares a store.",
  );
}

async function* idsOf(views: AsyncIterable<SkyvernSessionView>): AsyncGenerator<{ id: string }, void, undefined> {
  // A row that names no session is none that could be stopped, or that holds a slot.
  for await (const { browser_session_id: id } of views) if (isId(id)) yield { id };
}

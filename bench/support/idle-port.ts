import type { Seen, SessionPort } from "../../src/pool.ts";

const HOUR_MS = 3_600_000;

/** What the sessions of {@link idlePort} can do. */
export interface IdleSession {
  readonly id: string;
}

/** A vendor in this process that does everything at once, so that what is measured is the pool and its store. */
export function idlePort(): SessionPort<object, IdleSession> {
  const seen = (id: string): Seen<object, IdleSession> => ({ id, phase: "idle", lend: () => ({ id }) });
  return {
    kind: "bench",
    shared: {},
    plan: (request) => ({ request, baked: {}, longestLifeMs: 4 * HOUR_MS, orphanLifeMs: HOUR_MS }),
    reserve: () => ({ release: () => {}, expire: () => {} }),
    open: async () => seen(crypto.randomUUID()),
    get: async (id) => seen(id),
    list: async function* () {},
    stop: async () => {},
    isQuiet: () => true,
    failureOf: () => "unknown",
    account: async () => ({ project: "pool", maxSessions: 1_000 }),
  };
}

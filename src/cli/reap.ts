import { BrowserUse } from "../facade/client.ts";
import type { PoolEvent } from "../facade/pool/events.ts";
import type { LeaseStore } from "../facade/pool/lease-store.ts";
import type { PoolOptions } from "../facade/pool/options.ts";
import { SessionPool } from "../facade/pool/pool.ts";
import { redisLeaseStore } from "../facade/pool/redis.ts";
import type { PoolSource } from "../facade/pool/session-port.ts";
import { type Command, optionsOf, UsageError, wholeNumber } from "./command-line.ts";
import { connect } from "./redis.ts";

const USAGE = `Usage: browser-use-client reap [options]

Cleans up after processes that are gone: stops the sessions that their pools have left behind, which saves their profiles, and gives their
slots free. It does what every running pool does by itself; use it where no process may be running any more, at a start or every few minutes.

The key is read from BROWSER_USE_API_KEY, the service's address from BROWSER_USE_BASE_URL if it is set.

Options:
  --redis <url>            the Redis of the pools (REDIS_URL)
  --kind <kind>            v2, v3 or browsers; may be repeated (all three)
  --exclusive              nobody but the pools opens sessions in this project: stop also those on nobody's record, once they
                           have been seen twice, 90 seconds apart
  --max-sessions <number>  the cap, as the pools were given it (the account's)
  --project <id>           the project, as the pools were given it (the account's)
  --prefix <text>          what keys in Redis begin with, as the store was given it (browser-use)
  --help                   this text

Exit code: 0 when all that was to be stopped is stopped, 1 when something failed, 2 for a wrong command line.
`;

const NO_REDIS = `no Redis: give --redis or set REDIS_URL. Pools without one count in the memory of their process, which nobody else can
clean up; the service ends what they have left after 15 minutes without a task`;

const KINDS = ["v2", "v3", "browsers"] as const;
type Kind = (typeof KINDS)[number];
const NAMES: Readonly<Record<Kind, string>> = { v2: "v2 sessions", v3: "v3 sessions", browsers: "browsers" };

/** Cleans up once, for all that a pool on this Redis may have left. */
export const reap: Command = {
  usage: USAGE,
  run: async (args) => {
    const options = optionsOf(args, {
      redis: { type: "string" },
      kind: { type: "string", multiple: true },
      exclusive: { type: "boolean" },
      "max-sessions": { type: "string" },
      project: { type: "string" },
      prefix: { type: "string" },
    });
    const kinds = kindsOf(options.kind);
    const maxSessions = wholeNumber("max-sessions", options["max-sessions"], 1, 1_000_000);
    const url = options.redis ?? process.env["REDIS_URL"];
    if (!url) throw new UsageError(NO_REDIS);
    const browserUse = new BrowserUse();
    const { client, close } = await connect(url);
    try {
      const store = redisLeaseStore(client, { prefix: options.prefix });
      const ownership = options.exclusive ? "exclusive" : "shared";
      const pools = { ownership, store, maxSessions, project: options.project } as const;
      return await reapAll(browserUse, kinds, pools);
    } finally {
      close();
    }
  },
};

function kindsOf(given: readonly string[] = KINDS): readonly Kind[] {
  const kinds = KINDS.filter((kind) => given.includes(kind));
  const wrong = given.find((kind) => !KINDS.some((known) => known === kind));
  if (wrong === undefined) return kinds;
  throw new UsageError(`--kind takes ${KINDS.join(", ")}, not "${wrong}"`);
}

type ReapOptions = PoolOptions & { readonly store: LeaseStore };

async function reapAll(browserUse: BrowserUse, kinds: readonly Kind[], options: ReapOptions): Promise<number> {
  let failed = 0;
  for (const kind of kinds) {
    const round = await reapKind(sourceOf(browserUse, kind), options);
    console.log(`${NAMES[kind]}: ${summary(round)}`);
    for (const line of round.complaints) console.error(`  ${line}`);
    failed += round.failed;
  }
  return failed === 0 ? 0 : 1;
}

function sourceOf(browserUse: BrowserUse, kind: Kind): PoolSource<never, unknown> {
  return kind === "browsers" ? browserUse.browsers : browserUse[kind].sessions;
}

/** What one round did, as its events tell. */
interface Round {
  stopped: number;
  failed: number;
  unknown: number;
  readonly strays: string[];
  readonly complaints: string[];
}

async function reapKind(source: PoolSource<never, unknown>, options: ReapOptions): Promise<Round> {
  const round: Round = { stopped: 0, failed: 0, unknown: 0, strays: [], complaints: [] };
  const pool = new SessionPool(source, { ...options, onEvent: (event) => take(round, event) });
  try {
    await pool.reap();
  } finally {
    await pool.close();
  }
  return round;
}

function take(round: Round, event: PoolEvent): void {
  if (event.type === "stopped") round.stopped += 1;
  if (event.type === "unknown") round.unknown += 1;
  if (event.type === "stray" && !event.stopped) round.strays.push(event.sessionId);
  if (event.type !== "stopFailed") return;
  round.failed += 1;
  const why = event.error instanceof Error ? event.error.message : String(event.error);
  round.complaints.push(`${event.sessionId} was not stopped: ${why}`);
}

function summary({ stopped, failed, unknown, strays }: Round): string {
  const parts = [
    stopped > 0 && `${stopped} stopped`,
    failed > 0 && `${failed} not stopped, and to be tried again`,
    unknown > 0 &&
      `${unknown} of which nobody knows whether ${unknown === 1 ? "it was" : "they were"} opened, and which still count`,
    strays.length > 0 && `${strays.length} live on nobody's record, left alone: ${strays.join(", ")}`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? "nothing to do" : parts.join("; ");
}

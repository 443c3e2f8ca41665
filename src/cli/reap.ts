import { BrowserUse } from "../facade/client.ts";
import type { PoolEvent } from "../facade/pool/events.ts";
import type { LeaseStore } from "../facade/pool/lease-store.ts";
import type { PoolOptions } from "../facade/pool/options.ts";
import { type PoolStats, SessionPool } from "../facade/pool/pool.ts";
import { redisLeaseStore } from "../facade/pool/redis.ts";
import type { PoolSource } from "../facade/pool/session-port.ts";
import { Skyvern } from "../skyvern/client.ts";
import { type Command, optionsOf, UsageError, wholeNumber, withoutCredentials } from "./command-line.ts";
import { connect } from "./redis.ts";

const USAGE = `Usage: browser-use-client reap [options]

Cleans up after processes that are gone: stops the sessions that their pools have left behind (Browser Use saves their profiles then), and gives
their slots free. It does what every running pool does by itself; use it where no process may be running any more, at a start or every few minutes.

The key is read from BROWSER_USE_API_KEY, the service's address from BROWSER_USE_BASE_URL if it is set; with --vendor skyvern, from
SKYVERN_API_KEY and SKYVERN_BASE_URL.

Options:
  --redis <url>            the Redis of the pools (REDIS_URL)
  --vendor <vendor>        browser-use or skyvern (browser-use)
  --kind <kind>            v2, v3 or browsers; may be repeated (all three)
  --exclusive              nobody but the pools opens sessions in this project: stop also those on nobody's record, once they
                           have been seen twice, 90 seconds apart
  --max-sessions <number>  the cap, as the pools were given it (the account's; Skyvern tells none, and must be given one)
  --project <id>           the project, as the pools were given it (the account's; Skyvern tells none, and must be given one)
  --prefix <text>          what keys in Redis begin with, as the store was given it (browser-use)
  --help                   this text

Exit code: 0 when all that was to be stopped is stopped, 1 when something failed, 2 for a wrong command line.
`;

const NO_REDIS = `no Redis: give --redis or set REDIS_URL. Pools without one count in the memory of their process, which nobody else can
clean up; the service ends what they have left in time: Browser Use after 15 minutes without a task, Skyvern after the session's timeout`;

const KINDS = ["v2", "v3", "browsers"] as const;
const VENDORS = ["browser-use", "skyvern"] as const;
const KEYS = { "browser-use": "BROWSER_USE_API_KEY", skyvern: "SKYVERN_API_KEY" } as const;

/** Cleans up once, for all that a pool on this Redis may have left. */
export const reap: Command = {
  usage: USAGE,
  run: async (args) => {
    const options = optionsOf(args, {
      redis: { type: "string" },
      vendor: { type: "string" },
      kind: { type: "string", multiple: true },
      exclusive: { type: "boolean" },
      "max-sessions": { type: "string" },
      project: { type: "string" },
      prefix: { type: "string" },
    });
    const [vendor = "browser-use"] = chosen("vendor", VENDORS, options.vendor === undefined ? [] : [options.vendor]);
    const kinds = chosen("kind", KINDS, options.kind);
    const { project } = options;
    const maxSessions = wholeNumber("max-sessions", options["max-sessions"], 1, 1_000_000);
    if (vendor === "skyvern") {
      if (kinds.length > 0) throw new UsageError("--kind is for Browser Use: Skyvern has sessions of one kind");
      if (project === undefined || maxSessions === undefined)
        throw new UsageError("Skyvern tells neither a project nor a cap: give --project and --max-sessions");
    }
    const url = options.redis ?? process.env["REDIS_URL"];
    if (!url) throw new UsageError(NO_REDIS);
    if (!process.env[KEYS[vendor]]) throw new UsageError(`no API key: set ${KEYS[vendor]}`);
    const rounds = vendor === "skyvern" ? roundsOfSkyvern() : roundsOfBrowserUse(kinds);
    const { client, close } = await connect(url);
    try {
      const store = redisLeaseStore(client, { prefix: options.prefix });
      const ownership = options.exclusive ? "exclusive" : "shared";
      return await reapAll(rounds, { ownership, store, maxSessions, project });
    } finally {
      close();
    }
  },
};

/** What was given of this list, in its order. */
function chosen<T extends string>(name: string, known: readonly T[], given: readonly string[] = []): readonly T[] {
  const wrong = given.find((item) => !known.some((one) => one === item));
  if (wrong === undefined) return known.filter((item) => given.includes(item));
  throw new UsageError(`--${name} takes ${known.join(", ")}, not "${wrong}"`);
}

type ReapOptions = PoolOptions & { readonly store: LeaseStore };
/** What is looked at, by the name by which it is told of. */
type Rounds = Readonly<Record<string, (options: ReapOptions) => Promise<Round>>>;

function roundsOfBrowserUse(kinds: readonly (typeof KINDS)[number][]): Rounds {
  const { v2, v3, browsers } = new BrowserUse();
  const isMeant = (kind: (typeof KINDS)[number]) => kinds.length === 0 || kinds.includes(kind);
  return {
    ...(isMeant("v2") && { "v2 sessions": (options) => roundOver(v2.sessions, options) }),
    ...(isMeant("v3") && { "v3 sessions": (options) => roundOver(v3.sessions, options) }),
    ...(isMeant("browsers") && { browsers: (options) => roundOver(browsers, options) }),
  };
}

function roundsOfSkyvern(): Rounds {
  const { sessions } = new Skyvern();
  return { "Skyvern sessions": (options) => roundOver(sessions, options) };
}

async function reapAll(rounds: Rounds, options: ReapOptions): Promise<number> {
  const done: Round[] = [];
  for (const [name, round] of Object.entries(rounds)) done.push(await reapOne(name, () => round(options)));
  const left = done.findLast((round) => round.left !== undefined)?.left;
  if (left) console.log(`left to the pools: ${left}`);
  return done.every(({ failed }) => failed === 0) ? 0 : 1;
}

/** One kind's failure is no reason to leave the others alone. */
async function reapOne(name: string, reap: () => Promise<Round>): Promise<Round> {
  try {
    const round = await reap();
    console.log(`${name}: ${summary(round)}`);
    for (const line of round.complaints) console.error(`  ${withoutCredentials(line)}`);
    return round;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    console.error(`${name}: not looked at: ${withoutCredentials(why)}`);
    return { ...newRound(), failed: 1 };
  }
}

/** What one round did, as its events tell. */
interface Round {
  stopped: number;
  failed: number;
  unknown: number;
  /** What the project's pools still have, of all kinds. */
  left: string | undefined;
  readonly strays: string[];
  readonly complaints: string[];
}

async function roundOver<Request extends object, Session>(
  source: PoolSource<Request, Session>,
  options: ReapOptions,
): Promise<Round> {
  const round = newRound();
  const pool = new SessionPool(source, { ...options, onEvent: (event) => take(round, event) });
  try {
    await pool.reap();
    round.left = leftOf(await pool.stats());
  } finally {
    await pool.close();
  }
  return round;
}

function newRound(): Round {
  return { stopped: 0, failed: 0, unknown: 0, left: undefined, strays: [], complaints: [] };
}

/** Leases that may be somebody's, warm sessions, and what is on its way: for a running pool, or for the next time. */
function leftOf({ creating, leased, idle, stopping, unknown }: PoolStats): string {
  const counts = Object.entries({ creating, leased, idle, stopping, unknown }).filter(([, count]) => count > 0);
  return counts.map(([state, count]) => `${count} ${state}`).join(", ");
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

/**
 * A warm `pool.acquire` with its release, against opening a session until it can take a task, on an emulator whose sessions take a
 * second to start. Both go over real sockets to one server, in turns.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Emulator, startEmulator } from "../src/emulator/index.ts";
import { BrowserUse } from "../src/index.ts";
import { type LeaseStore, memoryLeaseStore, SessionPool } from "../src/pool.ts";
import { type BenchOptions, main, type Row, say } from "./support/bench.ts";
import { median, ms, quantile, ratio, timed } from "./support/numbers.ts";
import { connectStore, ownRedis } from "./support/redis.ts";

const GOAL = 1 / 100;

interface Plan {
  readonly name: string;
  readonly store: LeaseStore;
  /** What every answer of the service takes longer than on loopback. */
  readonly latencyMs: number;
  readonly rounds: number;
  readonly warmPerRound: number;
  readonly startDelayMs: number;
}

async function bench({ quick }: BenchOptions): Promise<Row[]> {
  await using redis = await ownRedis();
  const { store, end } = await connectStore(redis.url, "warm");
  const size = quick
    ? { rounds: 2, warmPerRound: 10, startDelayMs: 200 }
    : { rounds: 7, warmPerRound: 40, startDelayMs: 1_000 };
  const near = { ...size, latencyMs: 0 };
  const far = { ...size, latencyMs: 30, rounds: Math.ceil(size.rounds / 2) };
  try {
    const memory = await measure({ ...near, name: "memory", store: memoryLeaseStore() });
    const shared = await measure({ ...near, name: "Redis", store });
    const distant = await measure({ ...far, name: "Redis, 30 ms", store });
    return [
      row("warm acquire + release / opening, memory store", memory, GOAL),
      row("warm acquire + release / opening, Redis store", shared, GOAL),
      row("the same where each answer of the service takes 30 ms more", distant),
    ];
  } finally {
    end();
  }
}

function row(what: string, value: number, goal?: number): Row {
  const measured = ratio(value);
  return goal === undefined ? { what, measured } : { what, measured, goal: `≤ ${ratio(goal)}`, met: value <= goal };
}

/** The median warm lease as a share of the median opening. */
async function measure({ name, store, latencyMs, rounds, warmPerRound, startDelayMs }: Plan): Promise<number> {
  await using cloud = await startEmulator({ startDelayMs, latencyMs });
  const client = new BrowserUse({ baseUrl: cloud.url, apiKey: cloud.apiKey });
  // Of the defaults, only the number of uses would come in the way here.
  await using pool = new SessionPool(client.v3.sessions, { store, maxUses: 1_000_000 });
  await ready(
    await pool.acquire({ group: "bench" }).then((lease) => lease.release().then(() => lease.session.id)),
    client,
  );
  const [openings, acquires, pairs]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    const { tookMs, value: session } = await timed(() => opened(client));
    openings.push(tookMs);
    await session.stop();
    for (let i = 0; i < warmPerRound; i++) {
      const begun = performance.now();
      const lease = await pool.acquire({ group: "bench" });
      acquires.push(performance.now() - begun);
      await lease.release();
      pairs.push(performance.now() - begun);
    }
  }
  expectOneSession(cloud, rounds);
  const [opening, pair] = [median(openings), median(pairs)];
  say(
    `${name}: opening ${ms(opening)} (${openings.length}); warm acquire ${ms(median(acquires))}, with release ${ms(pair)}, ` +
      `p99 ${ms(quantile(pairs, 0.99))} (${pairs.length})`,
  );
  return pair / opening;
}

/** Opens a session and looks every 5 ms, more often than `session.run` would, until it can take a task. */
async function opened(client: BrowserUse) {
  const session = await client.v3.sessions.open();
  await ready(session.id, client);
  return session;
}

async function ready(id: string, client: BrowserUse): Promise<void> {
  while ((await client.v3.sessions.attach(id).refresh()).status !== "idle") await sleep(5);
}

/** All warm leases were of one session: otherwise something else was measured. */
function expectOneSession(cloud: Emulator, rounds: number): void {
  const count = cloud.sessions().length;
  if (count !== rounds + 1) throw new Error(`${count} sessions were opened, not ${rounds + 1}.`);
}

await main(bench);

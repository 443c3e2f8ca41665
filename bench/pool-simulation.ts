/**
 * One Redis for 1,000 replicas and 10,000 sessions: what each operation costs at that size against an almost empty store, what a line of
 * waiters costs, what a fleet that does all this at its own pace makes of the server, and what follows from that.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ProjectLeases } from "../src/pool.ts";
import { type BenchOptions, main, type Row, say, table } from "./support/bench.ts";
import {
  type Cost,
  type Costs,
  Crowded,
  everydayRound,
  Filled,
  type Line,
  Meter,
  seldomRound,
} from "./support/costs.ts";
import { Crew } from "./support/crew.ts";
import { median, ms, quantile, ratio, short, timed } from "./support/numbers.ts";
import { between, connectStore, type MeasuredRedis, ownRedis, workOf } from "./support/redis.ts";
import { added, nothingSeen, Replica, type ReplicaPlan, type Seen } from "./support/replica.ts";
import type { ReplicasOrder, ReplicasTask } from "./support/replicas.ts";
import { type Held, KIND, look } from "./support/wants.ts";

const EMPTY = 20;
const ROOMY_SHARE = 0.95;
/** A server that is busier than this makes everybody wait now and then. */
const HEALTHY_SHARE = 0.5;

interface Size {
  readonly sessions: number;
  readonly replicas: number;
  readonly processes: number;
  readonly waiters: number;
  readonly rounds: number;
  readonly settleMs: number;
  readonly watchMs: number;
  readonly taskMs: number;
}

const FULL: Size = {
  sessions: 10_000,
  replicas: 1_000,
  processes: 2,
  waiters: 80,
  rounds: 40,
  settleMs: 10_000,
  watchMs: 20_000,
  taskMs: 60_000,
};
const QUICK: Size = {
  sessions: 400,
  replicas: 40,
  processes: 2,
  waiters: 8,
  rounds: 4,
  settleMs: 500,
  watchMs: 1_500,
  taskMs: 2_000,
};

async function bench({ quick }: BenchOptions): Promise<Row[]> {
  const size = quick ? QUICK : FULL;
  const atSize = await costsAtSize(size);
  const lines = await costsOfLines(quick ? [0, 20] : [0, 10, 100, 1_000], size.rounds);
  const burst = await burstOf(quick ? 10 : 100, quick ? 300 : 3_000);
  const fleet = await fleetAtWork(size);
  return [...atSize.rows, ...lines, ...burst, ...modelOf(size, atSize, fleet)];
}

// Each operation, at both sizes

interface AtSize {
  readonly rows: Row[];
  readonly large: Costs;
  readonly bytesPerSlot: number;
}

async function costsAtSize({ sessions, rounds }: Size): Promise<AtSize> {
  await using redis = await ownRedis();
  const { store, end } = await connectStore(redis.url, "cost");
  const small = await Filled.of(store.project("small"), EMPTY);
  const before = (await workOf(redis)).memory;
  const { value: large, tookMs } = await timed(() => Filled.of(store.project("large"), sessions));
  const bytesPerSlot = ((await workOf(redis)).memory - before) / sessions;
  say(
    `${sessions} sessions were opened in ${(tookMs / 1000).toFixed(1)} s; one takes ${bytesPerSlot.toFixed(0)} bytes.`,
  );
  const meters = { small: new Meter(redis), large: new Meter(redis) };
  // In turns, so that what else runs on the machine falls on both.
  for (let i = 0; i < rounds; i++) {
    await everydayRound(small, meters.small);
    await everydayRound(large, meters.large);
  }
  const seldom = { small: new Meter(redis), large: new Meter(redis) };
  for (let i = 0; i < Math.ceil(rounds / 10); i++) {
    await seldomRound(small, seldom.small);
    await seldomRound(large, seldom.large);
  }
  end();
  const [few, many] = [meters.small.costs(), meters.large.costs()];
  say(costTable(few, many, sessions));
  say(costTable(seldom.small.costs(), seldom.large.costs(), sessions));
  const ratios = [...many].map(([name, { us }]) => ({ name, times: us / (few.get(name)?.us ?? Number.NaN) }));
  const worst = ratios.reduce((a, b) => (a.times > b.times ? a : b));
  const rows: Row[] = [
    {
      what: `script time per operation, ${sessions} sessions / ${EMPTY}: median of ${ratios.length} operations`,
      measured: ratio(median(ratios.map(({ times }) => times))),
      goal: "does not grow",
      met: median(ratios.map(({ times }) => times)) <= 1.25,
    },
    { what: `the same: the one that grows most (${worst.name})`, measured: ratio(worst.times) },
    ...[...seldom.large.costs()].map(([name, { us }]) => ({
      what: `one script at ${sessions} sessions, during which Redis does nothing else: ${name}`,
      measured: ms(us / 1000),
    })),
  ];
  return { rows, large: many, bytesPerSlot };
}

function costTable(few: Costs, many: Costs, sessions: number): string {
  const head = ["operation", `µs at ${EMPTY}`, `µs at ${sessions}`, "ratio", "bytes in", "bytes out"];
  const rows = [...many].map(([name, { us, bytesIn, bytesOut }]) => {
    const before = few.get(name)?.us ?? Number.NaN;
    return [name, short(before), short(us), ratio(us / before), bytesIn.toFixed(0), bytesOut.toFixed(0)];
  });
  return `\n${table(head, rows)}`;
}

// A line of waiters

async function costsOfLines(counts: readonly number[], rounds: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const line of ["a group", "a busy profile each"] as const) {
    const costs = await costsOfLine(line, counts, rounds);
    say(lineTable(line, costs));
    const [first, last] = [counts[0] ?? 0, counts.at(-1) ?? 0];
    const times = (name: string) => (costs.get(last)?.get(name)?.us ?? 0) / (costs.get(first)?.get(name)?.us ?? 1);
    rows.push({
      what: `script time with ${last} in line for ${line} / with nobody: release, acquire`,
      measured: `${ratio(times("release: to idle"))}, ${ratio(times("acquire: warm"))}`,
    });
    const again = costs.get(last)?.get("acquire: ask again, in vain")?.us ?? Number.NaN;
    rows.push({
      what: `all ${last} in line for ${line} ask every 2 s: share of the server`,
      measured: `${short((100 * again * last) / 2e6)} %`,
    });
  }
  return rows;
}

async function costsOfLine(line: Line, counts: readonly number[], rounds: number): Promise<Map<number, Costs>> {
  await using redis = await ownRedis();
  const { store, end } = await connectStore(redis.url, "line");
  const crowds: { count: number; cap: number; crowd: Crowded; meter: Meter }[] = [];
  for (const count of counts) {
    const crowd = await Crowded.of(store.project(`${line} ${count}`), count, line);
    crowds.push({ count, cap: line === "a group" ? 20 : 20 + count, crowd, meter: new Meter(redis) });
  }
  for (let i = 0; i < rounds; i++) for (const { crowd, meter, cap } of crowds) await crowd.round(meter, cap);
  end();
  return new Map(crowds.map(({ count, meter }) => [count, meter.costs()]));
}

function lineTable(line: Line, costs: ReadonlyMap<number, Costs>): string {
  const names = [...new Set([...costs.values()].flatMap((cost) => [...cost.keys()]))];
  const cell = ({ us, published }: Cost) => `${short(us)} µs, ${short(published)} wakes`;
  const rows = names.map((name) => [
    name,
    ...[...costs.values()].map((cost) => (cost.has(name) ? cell(cost.get(name) as Cost) : "")),
  ]);
  return `\n${table([`in line for ${line}:`, ...[...costs.keys()].map(String)], rows)}`;
}

/** All are given back at the same instant, and as many wait: how long until the last one is served, and how often was asked. */
async function burstOf(count: number, waitedMs: number): Promise<Row[]> {
  await using redis = await ownRedis();
  const { store, end } = await connectStore(redis.url, "burst");
  const leases = store.project("burst");
  await look(leases);
  const replica = new Replica(leases, { ...IDEAL, cap: count, maxWaiters: count });
  const held: Held[] = [];
  for (let i = 0; i < count; i++) held.push(await replica.open());
  const waiting = Array.from({ length: count }, () => replica.acquire());
  // Those who have waited for a while ask every two seconds, unless they are woken.
  await sleep(waitedMs);
  replica.seen = nothingSeen();
  const before = await workOf(redis);
  const { tookMs } = await timed(async () => {
    await Promise.all(held.map((one) => replica.release(one)));
    await Promise.all(waiting);
  });
  const { published } = between(before, await workOf(redis));
  replica.stop();
  end();
  return [
    {
      what: `${count} releases at one instant with ${count} in line: all served after`,
      measured: `${ms(tookMs)}, ${published} wakes, ${replica.seen.asked} asked`,
    },
  ];
}

const IDEAL = { leaseMs: 3_600_000, taskMs: 0, openMs: 0, stopMs: 0, keyed: 0 } as const;

// A fleet at its own pace

interface Fleet {
  readonly scriptsPerSecond: number;
  /** Of one CPU. */
  readonly cpuShare: number;
  readonly rows: readonly Row[];
}

/** At first there is room for all, then more is wanted than there may be. */
async function fleetAtWork(size: Size): Promise<{ readonly roomy: Fleet; readonly crowded: Fleet }> {
  const { sessions, replicas, processes, waiters, settleMs, taskMs } = size;
  await using redis = await ownRedis();
  const { store, end } = await connectStore(redis.url, "fleet");
  const leases = store.project("bench");
  await look(leases);
  const [openMs, stopMs] = [taskMs / 30, taskMs / 200];
  const plan: ReplicaPlan = { cap: sessions, maxWaiters: 100, leaseMs: 30_000, taskMs, openMs, stopMs, keyed: 0.2 };
  const order: ReplicasOrder = { url: redis.url, prefix: "fleet", replicas: replicas / processes, plan };
  await using crew = await Crew.start<ReplicasOrder, ReplicasTask, Seen>(
    new URL("support/replicas.ts", import.meta.url),
    Array.from({ length: processes }, () => order),
  );
  const each = (count: number) => Math.round(count / processes);
  const used = Math.floor(sessions * ROOMY_SHARE);
  const { tookMs } = await timed(() => crew.run({ phase: "fill", sessions: each(used) }));
  say(`\n${replicas} replicas in ${processes} processes opened ${used} sessions in ${(tookMs / 1000).toFixed(1)} s.`);
  await crew.run({ phase: "work", sessions: each(used), forMs: settleMs });
  const roomy = await watch(`${used} of ${sessions} sessions wanted`, size, redis, crew, leases);
  await crew.run({ phase: "work", sessions: each(sessions + waiters - used), forMs: settleMs });
  const crowded = await watch(`${sessions + waiters} of ${sessions} sessions wanted`, size, redis, crew, leases);
  await crew.run({ phase: "stop" });
  end();
  return { roomy, crowded };
}

/** What the fleet makes of the server in a while, in the middle of which somebody looks at the vendor. */
async function watch(
  name: string,
  { replicas, watchMs }: Size,
  redis: MeasuredRedis,
  crew: Crew<ReplicasTask, Seen>,
  leases: ProjectLeases,
): Promise<Fleet> {
  const live = (await leases.slots()).map(({ sessionId = "" }) => ({ id: sessionId }));
  const before = await workOf(redis);
  const watched = crew.run({ phase: "watch", forMs: watchMs });
  await sleep(watchMs / 2);
  const startedAt = (await leases.beginPass(KIND, 0)) ?? 0;
  const pass = await timed(() => leases.reconcile({ kind: KIND, startedAt, live, graceMs: 90_000, exclusive: false }));
  const seen = (await watched).reduce(added, nothingSeen());
  const done = between(before, await workOf(redis));
  const clients = (await redis.info()).get("connected_clients");
  say(`${name}, counted at the end: ${JSON.stringify(await leases.counts())}`);
  say(
    `seen in ${short(done.seconds)} s: ${seen.grants.length} leases, ${seen.releases.length} releases, ${seen.opened} opened, ` +
      `${seen.evicted} evicted, ${seen.full} refused as the line was full, ${seen.lost} lost`,
  );
  const { seconds, scripts, published, cpuS, scriptUs, bytesIn, bytesOut, memory } = done;
  const cpuShare = cpuS / seconds;
  const rows: Row[] = [
    { what: `fleet of ${replicas} replicas, ${name}: scripts a second`, measured: (scripts / seconds).toFixed(0) },
    {
      what: "  share of a CPU of that Redis; CPU per script, network and all; time in a script",
      measured: `${percent(cpuShare)}; ${short((1e6 * cpuS) / scripts)} µs; ${short(scriptUs / scripts)} µs`,
    },
    { what: `  memory, ${clients} connections included`, measured: `${short(memory / 1e6)} MB` },
    {
      what: "  network in, out",
      measured: `${short(bytesIn / 1e3 / seconds)}, ${short(bytesOut / 1e3 / seconds)} kB/s`,
    },
    {
      what: "  wakes per lease; asked per lease",
      measured: `${short(published / seen.grants.length)}; ${short(seen.asked / seen.grants.length)}`,
    },
    { what: "  the pass over all sessions in its middle, as its caller saw it", measured: ms(pass.tookMs) },
    { what: "  answer to an acquire that grants, p50, p90, p99", measured: spread(seen.grants) },
    { what: "  answer to a release, p50, p90, p99", measured: spread(seen.releases) },
    {
      what: `  time in line (${seen.waits.length} of ${seen.grants.length} leases), p50, p90, p99`,
      measured: spread(seen.waits),
    },
    { what: "  leases lost", measured: String(seen.lost), goal: "0", met: seen.lost === 0 },
  ];
  return { rows, scriptsPerSecond: scripts / seconds, cpuShare };
}

function spread(values: readonly number[]): string {
  return [0.5, 0.9, 0.99].map((share) => ms(quantile(values, share))).join(", ");
}

// What follows

/** Operations a second, from the defaults of the pool, and what they cost by the measured prices. */
function modelOf(
  { replicas, sessions, taskMs, waiters }: Size,
  { large, bytesPerSlot }: AtSize,
  fleet: { roomy: Fleet; crowded: Fleet },
): Row[] {
  const leases = sessions / (taskMs / 1000);
  const openings = leases / 20;
  const rates: readonly (readonly [string, string, number])[] = [
    ["acquire: warm, of a group", "one per task", leases - openings],
    ["release: to idle", "one per task", leases - openings],
    ["acquire: create", "one per 20 uses", openings],
    ["attach", "", openings],
    ["release: to stop", "", openings],
    ["stopped", "", openings],
    ["acquire: wait", `${waiters} in line, every 2 s`, waiters / 2],
    ["renew: ten leases", "per replica, every 10 s", replicas / 10],
    ["reap: nothing due", "per replica, every 5 s", replicas / 5],
    ["beginPass: not due", "per replica, every 5 s", replicas / 5],
  ];
  const lines = rates.map(([name, why, rate]) => {
    const { us = 0, bytesIn = 0, bytesOut = 0 } = large.get(name) ?? {};
    return { name, why, rate, us, share: (rate * us) / 1e6, bytes: rate * (bytesIn + bytesOut) };
  });
  const total = (pick: (line: (typeof lines)[number]) => number) => lines.reduce((all, line) => all + pick(line), 0);
  const [rate, share] = [total((line) => line.rate), total((line) => line.share)];
  const head = ["model", "", "a second", "µs", "share of a CPU", "kB/s"];
  const cells = lines.map((line) => [
    line.name,
    line.why,
    short(line.rate),
    short(line.us),
    percent(line.share),
    short(line.bytes / 1e3),
  ]);
  const all = [
    "all",
    "",
    short(rate),
    short((share * 1e6) / rate),
    percent(share),
    short(total((line) => line.bytes) / 1e3),
  ];
  say(`\n${table(head, [...cells, all])}`);
  const busyAt = ({ cpuShare }: Fleet): string => {
    const times = HEALTHY_SHARE / cpuShare;
    return `${Math.round((times * replicas) / 100) * 100} replicas, ${Math.round((times * sessions) / 1000) * 1000} sessions`;
  };
  return [
    ...fleet.roomy.rows,
    ...fleet.crowded.rows,
    { what: "model: scripts a second, share of a CPU in scripts", measured: `${short(rate)}, ${percent(share)}` },
    {
      what: "model: memory of all slots, without connections",
      measured: `${short((sessions * bytesPerSlot) / 1e6)} MB, ${bytesPerSlot.toFixed(0)} B a slot`,
    },
    {
      what: `one Redis is ${HEALTHY_SHARE * 100} % busy, at the pace of the fleet with room, with`,
      measured: busyAt(fleet.roomy),
    },
    { what: "  at the pace of the crowded one", measured: busyAt(fleet.crowded) },
  ];
}

function percent(share: number): string {
  return `${short(100 * share)} %`;
}

await main(bench);

/**
 * Waiting for runs, with our client and with the vendor's SDK, side by side: both wait for the same runs, of one service that counts their
 * requests and knows when each run has ended. What counts is requests a second while no run begins or ends, and how long after its end
 * the caller has the answer.
 */
import { type BenchOptions, main, type Row, say, table } from "./support/bench.ts";
import { Crew } from "./support/crew.ts";
import { mean, nowMs, quantile, ratio, short, sum } from "./support/numbers.ts";
import type { AccountPlan, Others, Requests, ServiceAnswer, ServiceOrder, ServiceTask } from "./support/run-service.ts";
import type { WaiterAnswer, WaiterOrder, WaiterTask, Who } from "./support/run-waiter.ts";
import { hasVendor, type Version } from "./support/vendor.ts";

const REQUESTS_GOAL = 1 / 25;
const DELAY_GOAL = 1 / 2;
const LATENCY_MS = 20;

/** One line for each version. */
interface Scenario {
  readonly name: string;
  /** For each client. */
  readonly runs: number;
  /** Each with an account and runs of its own, so that few runs too give numbers that mean something. */
  readonly clients: number;
  readonly versions: readonly Version[];
  readonly others?: Others;
  readonly webhooks?: boolean;
  readonly isGoal?: boolean;
}

/** All in milliseconds from the beginning. */
interface Times {
  /** Dispatches are spread over so long. */
  readonly dispatchedMs: number;
  /** In which no run begins or ends. */
  readonly quietMs: readonly [from: number, until: number];
  readonly endsMs: readonly [from: number, until: number];
  /** A few runs end before all others, so that what webhooks are good for is known by then. */
  readonly earlyMs: number;
}

interface Waited {
  readonly perSecond: number;
  readonly perRun: number;
  readonly meanMs: number;
  readonly p95Ms: number;
}

type Measured = Readonly<Partial<Record<Who, Waited>>>;

interface Processes {
  readonly service: Crew<ServiceTask, ServiceAnswer>;
  /** One for each of `whose`, in that order. */
  readonly waiters: Crew<WaiterTask, WaiterAnswer>;
  readonly whose: readonly Who[];
}

const BOTH = ["v2", "v3"] as const;
const FULL_ACCOUNT: Others = { ended: 5_000, live: 300, lifeMs: 60_000 };
const SCENARIOS: readonly Scenario[] = [
  { name: "1 at once", runs: 1, clients: 30, versions: BOTH },
  { name: "10 at once", runs: 10, clients: 6, versions: BOTH },
  { name: "100 at once", runs: 100, clients: 1, versions: BOTH },
  { name: "200 at once", runs: 200, clients: 1, versions: BOTH, isGoal: true },
  { name: "200 at once, 300 others, 5,000 ended", runs: 200, clients: 1, versions: BOTH, others: FULL_ACCOUNT },
  { name: "200 at once, with webhooks", runs: 200, clients: 1, versions: BOTH, webhooks: true },
  { name: "1,000 at once", runs: 1_000, clients: 1, versions: ["v2"] },
  { name: "1,000 at once", runs: 1_000, clients: 1, versions: ["v3"] },
];
const QUICK: readonly Scenario[] = [
  {
    name: "20 at once",
    runs: 20,
    clients: 1,
    versions: BOTH,
    others: { ended: 200, live: 10, lifeMs: 5_000 },
    isGoal: true,
  },
];
const TIMES: Times = { dispatchedMs: 2_000, quietMs: [10_000, 20_000], endsMs: [20_000, 40_000], earlyMs: 4_000 };
const QUICK_TIMES: Times = { dispatchedMs: 300, quietMs: [1_000, 5_000], endsMs: [5_000, 6_000], earlyMs: 1_000 };

async function bench({ quick }: BenchOptions): Promise<Row[]> {
  const whose: readonly Who[] = hasVendor() ? ["ours", "vendor"] : ["ours"];
  const [scenarios, times] = quick ? [QUICK, QUICK_TIMES] : [SCENARIOS, TIMES];
  const lengths = times.endsMs.map((ms) => ms / 1000).join(" to ");
  say(`each answer of the service takes ${LATENCY_MS} ms; runs of ${lengths} s\n`);
  const order: ServiceOrder = { latencyMs: LATENCY_MS };
  await using service = await Crew.start<ServiceOrder, ServiceTask, ServiceAnswer>(program("run-service"), [order]);
  const [{ url = "" } = {}] = await service.run({ kind: "where" });
  const orders = whose.map((who): WaiterOrder => ({ who, url }));
  await using waiters = await Crew.start<WaiterOrder, WaiterTask, WaiterAnswer>(program("run-waiter"), orders);
  const lines: string[][] = [];
  const rows: Row[] = [];
  for (const scenario of scenarios) {
    for (const [version, measured] of await measure({ service, waiters, whose }, scenario, times)) {
      lines.push(...linesOf(`${version}: ${scenario.name}`, measured));
      rows.push(...rowsOf(`${version}: ${scenario.name}`, measured, scenario.isGoal));
    }
  }
  say(table(["runs", "", "requests/s", "GETs per run", "delay: mean ms", "p95 ms"], lines));
  return rows;
}

function program(name: string): URL {
  return new URL(`support/${name}.ts`, import.meta.url);
}

function linesOf(name: string, measured: Measured): string[][] {
  const line = (who: string, { perSecond, perRun, meanMs, p95Ms }: Waited) => {
    return [name, who, ...[perSecond, perRun, meanMs, p95Ms].map(short)];
  };
  return Object.entries(measured).map(([who, waited]) => line(who, waited));
}

/** What the vendor's SDK costs is 1. */
function rowsOf(name: string, { ours, vendor }: Measured, isGoal = false): Row[] {
  if (!ours || !vendor) return [];
  const row = (what: string, value: number, goal: number): Row => {
    const line = { what: `${name}: ${what}, ours / the vendor's`, measured: ratio(value) };
    return isGoal ? { ...line, goal: `≤ ${ratio(goal)}`, met: value <= goal } : line;
  };
  return [
    row("requests a second", ours.perSecond / vendor.perSecond, REQUESTS_GOAL),
    row("mean delay", ours.meanMs / vendor.meanMs, DELAY_GOAL),
  ];
}

async function measure(processes: Processes, scenario: Scenario, times: Times): Promise<Map<Version, Measured>> {
  const { service, waiters, whose } = processes;
  // Once everybody knows what to do.
  const beginMs = nowMs() + 1_000;
  const [{ url: webhookUrl } = { url: undefined }] = await waiters.run({ clients: [], beginMs });
  const plans = plansOf(scenario, times, scenario.webhooks ? webhookUrl : undefined);
  await service.run({ kind: "open", plans, beginMs });
  const clients = plans.map(({ name: account, version, runs }) => ({ account, version, runs }));
  const answers = await waiters.run({ clients, beginMs });
  const measured = new Map<Version, Measured>();
  for (const version of scenario.versions) {
    const own = plans.filter((plan) => plan.version === version);
    const requests = await requestsOf(service, own, times, beginMs);
    const entries = whose.map((who, index) => [who, waited(own, answers[index], requests(who), times, beginMs)]);
    measured.set(version, Object.fromEntries(entries));
  }
  return measured;
}

function waited(
  plans: readonly AccountPlan[],
  answer: WaiterAnswer | undefined,
  requests: readonly Requests[],
  { quietMs: [from, until] }: Times,
  beginMs: number,
): Waited {
  const delays = plans.flatMap(({ name: account, runs }) =>
    runs.map(({ name, endsMs }) => (answer?.answeredMs[`${account}/${name}`] ?? Number.NaN) - (beginMs + endsMs)),
  );
  const inWindow = sum(requests.map((of) => of.inWindow)) / requests.length;
  return {
    perSecond: (inWindow / (until - from)) * 1_000,
    perRun: sum(requests.map((of) => of.all)) / delays.length,
    meanMs: mean(delays),
    p95Ms: quantile(delays, 0.95),
  };
}

/** What each client has sent, account by account. */
async function requestsOf(
  service: Processes["service"],
  plans: readonly AccountPlan[],
  { quietMs: [from, until] }: Times,
  beginMs: number,
): Promise<(who: Who) => readonly Requests[]> {
  const reports: ServiceAnswer[] = [];
  const window = { fromMs: beginMs + from, untilMs: beginMs + until };
  for (const { name } of plans) reports.push(...(await service.run({ kind: "report", account: name, ...window })));
  return (who) => reports.map(({ requests }) => requests[who] ?? { all: 0, inWindow: 0 });
}

/** The same runs each time; their ends are spread evenly, and in another order than their beginnings. */
function plansOf(scenario: Scenario, times: Times, webhookUrl: string | undefined): AccountPlan[] {
  const { name, runs, clients, versions, others } = scenario;
  const all = runs * clients;
  const early = scenario.webhooks ? Math.ceil(runs / 20) : 0;
  return versions.flatMap((version) =>
    Array.from({ length: clients }, (_, client): AccountPlan => {
      const planned = Array.from({ length: runs }, (_, run) => {
        const index = client * runs + run;
        const endsMs = run < early ? times.earlyMs + 10 * run : between(times.endsMs, spread(index));
        return { name: `run ${index}`, beginsMs: (times.dispatchedMs * index) / all, endsMs };
      });
      return {
        name: `${version}/${name}/${client}`.replace(/[^\w/]+/g, "-"),
        version,
        runs: planned,
        others,
        webhookUrl,
      };
    }),
  );
}

/** Fills the time between 0 and 1 evenly, however many there are. */
function spread(index: number): number {
  return ((index + 1) * 0.6180339887498949) % 1;
}

function between([from, until]: Times["endsMs"], share: number): number {
  return from + share * (until - from);
}

await main(bench);

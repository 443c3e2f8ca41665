/**
 * What one call costs the client's process: our `api.GET` with all that it adds (time limits over the body, retries, errors, redaction),
 * openapi-fetch alone, bare `fetch`, and the vendor's SDK, for the same GET, in turns in one process; the server is another one.
 */

import type { CallsAnswer, CallsOrder, CallsTask, WayOfCalling } from "./support/api-calls.ts";
import { type BenchOptions, main, type Row, say, table } from "./support/bench.ts";
import { bundle } from "./support/bundle.ts";
import { Crew } from "./support/crew.ts";
import { median, quantile, ratio, short } from "./support/numbers.ts";
import { hasVendor, VENDOR_MODULES } from "./support/vendor.ts";

const GOAL = 1.15;
/** In the same thread, so that it costs each way the same, whatever else the machine does. */
const GC = ["--expose-gc", "--single-threaded-gc"];
const WAYS = ["openapi-fetch", "ours", "bare fetch", "vendor"] as const;

type Client = Crew<CallsTask, CallsAnswer>;

async function bench({ quick }: BenchOptions): Promise<Row[]> {
  const { rounds, calls, warmUp } = quick
    ? { rounds: 3, calls: 50, warmUp: 50 }
    : { rounds: 150, calls: 100, warmUp: 2_000 };
  const vendorUrl = hasVendor() ? import.meta.resolve(VENDOR_MODULES.v3) : undefined;
  await using server = await Crew.start<object, object, string>(new URL("support/json-server.ts", import.meta.url), [
    {},
  ]);
  const [url = ""] = await server.run({});
  await using program = await bundle("api-calls");
  const order: CallsOrder = { url, vendorUrl };
  await using client: Client = await Crew.start(program.program, [order], GC);
  const ways = WAYS.filter((way) => way !== "vendor" || vendorUrl);
  for (const way of ways) await cost(client, way, warmUp);
  const costs = new Map(ways.map((way): [WayOfCalling, number[]] => [way, []]));
  for (let round = 0; round < rounds; round++) {
    for (const way of inTurns(ways, round)) costs.get(way)?.push(await cost(client, way, calls));
  }
  return conclude(costs);
}

/** Who is the first changes from round to round. */
function inTurns<T>(all: readonly T[], round: number): readonly T[] {
  const at = round % all.length;
  return [...all.slice(at), ...all.slice(0, at)];
}

/** Microseconds of processor time per call. */
async function cost(client: Client, way: WayOfCalling, calls: number): Promise<number> {
  const [answer] = await client.run({ way, calls });
  return ((answer?.cpuMs ?? Number.NaN) / calls) * 1_000;
}

function conclude(costs: ReadonlyMap<WayOfCalling, readonly number[]>): Row[] {
  const alone = costs.get("openapi-fetch") ?? [];
  const ratios = new Map(
    [...costs].map(([way, us]) => [way, us.map((one, round) => one / (alone[round] ?? Number.NaN))]),
  );
  const lines = [...costs].map(([way, us]) => {
    const of = ratios.get(way) ?? [];
    return [way, ...[median(us), median(of), quantile(of, 0.25), quantile(of, 0.75)].map(short)];
  });
  say(table(["", "µs of CPU per call", "/ openapi-fetch", "quartile", "quartile"], lines));
  return [...ratios].flatMap(([way, of]): Row[] => {
    if (way === "openapi-fetch") return [];
    const row = { what: `CPU per call, ${way} / openapi-fetch alone`, measured: ratio(median(of)) };
    return [way === "ours" ? { ...row, goal: `≤ ${ratio(GOAL)}`, met: median(of) <= GOAL } : row];
  });
}

await main(bench);

/**
 * What it costs to import the package, as it is built into `dist`: time until a process is there, bytes in a bundle, and work for the type
 * checker of whoever uses it; beside the vendor's SDK.
 */
import { existsSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type BenchOptions, main, type Row, say, table } from "./support/bench.ts";
import { type BundleSize, bundleSize } from "./support/bundle-size.ts";
import { type Started, started } from "./support/import-time.ts";
import { median, ms, short } from "./support/numbers.ts";
import { typeCost } from "./support/type-cost.ts";
import { hasVendor, VENDOR_MODULES } from "./support/vendor.ts";

const IMPORT_GOAL_MS = 10;
const GZIP_GOAL_BYTES = 12_000;
const API_GOAL = { instantiations: 20_000, checkSeconds: 1 };
const FILES_SHOWN = 25;

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = fileURLToPath(new URL("../dist/index.js", import.meta.url));

async function bench({ quick }: BenchOptions): Promise<Row[]> {
  if (!existsSync(DIST)) {
    say("There is no dist to import: run `npm run build` in the root first.");
    return [];
  }
  const withVendor = hasVendor();
  return [
    ...(await importTimes(withVendor, quick ? 3 : 40)),
    ...(await bundleSizes(withVendor)),
    ...(await typeCosts(withVendor)),
  ];
}

async function importTimes(withVendor: boolean, rounds: number): Promise<Row[]> {
  const ways = new Map<string, readonly string[]>([
    ["nothing", []],
    ["ours", [pathToFileURL(DIST).href]],
  ]);
  if (withVendor) ways.set("vendor", [import.meta.resolve(VENDOR_MODULES.v3)]);
  const seen = new Map([...ways.keys()].map((way): [string, Started[]] => [way, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [way, specifiers] of ways) seen.get(way)?.push(await started(specifiers));
  }
  const nothing = seen.get("nothing") ?? [];
  const over = (way: string, pick: (one: Started) => number) =>
    median((seen.get(way) ?? []).map((one, round) => pick(one) - pick(nothing[round] ?? one)));
  const lines = [...seen].map(([way, all]) => {
    const [wall, cpu] = [median(all.map(({ wallMs }) => wallMs)), median(all.map(({ cpuMs }) => cpuMs))];
    return [way, ...[wall, over(way, ({ wallMs }) => wallMs), cpu, over(way, ({ cpuMs }) => cpuMs)].map(short)];
  });
  say(table(["import", "ms", "over nothing", "ms of CPU", "over nothing"], lines));
  const [ours, vendors] = ["ours", "vendor"].map((way) => over(way, ({ wallMs }) => wallMs)) as [number, number];
  const measured = withVendor ? `${ms(ours)} (the vendor's ${ms(vendors)})` : ms(ours);
  return [
    {
      what: "cold import over an empty process",
      measured,
      goal: `≤ ${ms(IMPORT_GOAL_MS)}`,
      met: ours <= IMPORT_GOAL_MS,
    },
  ];
}

async function bundleSizes(withVendor: boolean): Promise<Row[]> {
  const whole = await bundleSize('export * from "./dist/index.js";', ROOT);
  const client = await bundleSize('export { BrowserUse } from "./dist/index.js";', ROOT);
  const vendors = new Map<string, BundleSize>();
  if (withVendor) {
    for (const [version, module] of Object.entries(VENDOR_MODULES))
      vendors.set(version, await bundleSize(`export * from ${JSON.stringify(module)};`, HERE));
  }
  const files = [...whole.files].sort(([, a], [, b]) => b - a);
  say(
    `\n${table(
      ["file", "minified bytes"],
      files.slice(0, FILES_SHOWN).map(([file, bytes]) => [file, String(bytes)]),
    )}`,
  );
  say(`and ${files.length - FILES_SHOWN} smaller ones, of ${whole.minifiedBytes} bytes in all\n`);
  const others = [...vendors].map(([version, { gzipBytes }]) => `the vendor's ${version} ${kilobytes(gzipBytes)}`);
  const measured = [kilobytes(whole.gzipBytes), ...others].join(", ");
  return [
    {
      what: "root import, minified and gzipped",
      measured,
      goal: `≤ ${kilobytes(GZIP_GOAL_BYTES)}`,
      met: whole.gzipBytes <= GZIP_GOAL_BYTES,
    },
    { what: "of which BrowserUse alone takes in", measured: kilobytes(client.gzipBytes) },
  ];
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1_000).toFixed(1)} kB`;
}

/** Both do the same: open a session, run a task in it, stop it, and look for a profile. */
const FACADE = `import { BrowserUse } from "browser-use-client";
const browserUse = new BrowserUse({ apiKey: "key" });
const session = await browserUse.v3.sessions.open({ profileId: "id" });
const { output } = await session.run("Find the cheapest flight.");
await session.stop();
for await (const profile of browserUse.profiles.list()) console.log(profile.id, output);
`;
const API = `${FACADE}
const { data } = await browserUse.api.GET("/v3/sessions/{session_id}", { params: { path: { session_id: "id" } } });
console.log(data.status);
`;
const VENDOR = `import { BrowserUse } from "${VENDOR_MODULES.v3}";
const client = new BrowserUse({ apiKey: "key" });
const session = await client.sessions.create({ profileId: "id" });
const { output } = await client.run("Find the cheapest flight.", { sessionId: session.id });
await client.sessions.stop(session.id);
for (const profile of (await client.profiles.list()).items) console.log(profile.id, output);
`;

async function typeCosts(withVendor: boolean): Promise<Row[]> {
  const own = { "browser-use-client": ROOT };
  const facade = await typeCost(FACADE, own);
  const api = await typeCost(API, own);
  const vendor = withVendor
    ? await typeCost(VENDOR, {
        "browser-use-sdk": fileURLToPath(new URL("node_modules/browser-use-sdk", import.meta.url)),
      })
    : undefined;
  const goal = vendor && { goal: `≤ ${vendor.instantiations}`, met: facade.instantiations <= vendor.instantiations };
  const { instantiations, checkSeconds } = api;
  const met = instantiations <= API_GOAL.instantiations && checkSeconds <= API_GOAL.checkSeconds;
  const seconds = (value: number) => `${value.toFixed(2)} s`;
  return [
    {
      what: "type instantiations of a consumer: facade only (check time)",
      measured: `${facade.instantiations} (${seconds(facade.checkSeconds)})`,
      ...goal,
    },
    {
      what: "the same with one call through api",
      measured: `${instantiations} (${seconds(checkSeconds)})`,
      goal: `≤ ${API_GOAL.instantiations}, ≤ ${API_GOAL.checkSeconds} s`,
      met,
    },
    ...(vendor
      ? [
          {
            what: "the same with the vendor's SDK",
            measured: `${vendor.instantiations} (${seconds(vendor.checkSeconds)})`,
          },
        ]
      : []),
  ];
}

await main(bench);

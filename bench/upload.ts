/**
 * Files both ways, large and many, against the barest ways to move the same bytes. Each measurement has a process of its own, so that its
 * memory is its own, and the file store is another one that throws everything away.
 */
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BenchOptions, main, type Row, say, table } from "./support/bench.ts";
import { bundle } from "./support/bundle.ts";
import { Crew } from "./support/crew.ts";
import type { MoverAnswer, MoverOrder, MoverTask, WayOfMoving } from "./support/file-mover.ts";
import type { SinkAnswer } from "./support/file-sink.ts";
import { median, short } from "./support/numbers.ts";
import { hasVendor, VENDOR_MODULES } from "./support/vendor.ts";

const MIB = 1024 * 1024;
const MEMORY_GOAL_MIB = 150;
const SPEED_GOAL = 0.8;

/** What is compared: the first way is ours, the second the one to compare with, and the others are for orientation. */
interface Comparison {
  readonly name: string;
  readonly ways: readonly WayOfMoving[];
  readonly files: number;
  readonly sizeBytes: number;
  readonly isReceived?: boolean;
  readonly hasGoal: boolean;
}

interface Moved {
  readonly mibPerSecond: number;
  readonly grewMib: number;
}

async function bench({ quick }: BenchOptions): Promise<Row[]> {
  const vendorUrl = hasVendor() ? import.meta.resolve(VENDOR_MODULES.v3) : undefined;
  const large = (quick ? 8 : 1_024) * MIB;
  const ofVendor = vendorUrl ? (["put: vendor"] as const) : [];
  const form = { files: quick ? 8 : 100, sizeBytes: (quick ? 1 : 10) * MIB };
  const comparisons: readonly Comparison[] = [
    {
      name: `upload of ${large / MIB} MiB into a workspace`,
      ways: ["put: ours", "put: node:http", "put: fetch", ...ofVendor],
      files: 1,
      sizeBytes: large,
      hasGoal: true,
    },
    {
      name: `${form.files} forms of ${form.sizeBytes / MIB} MiB`,
      ways: ["post: ours", "post: fetch"],
      ...form,
      hasGoal: true,
    },
    {
      name: `download of ${large / MIB} MiB to a file`,
      ways: ["get: ours", "get: fetch, and to the disk", "get: fetch"],
      files: 1,
      sizeBytes: large,
      isReceived: true,
      hasGoal: false,
    },
  ];
  const folder = await mkdtemp(join(tmpdir(), "bench-"));
  try {
    await using sink = await Crew.start<object, object, SinkAnswer>(new URL("support/file-sink.ts", import.meta.url), [
      {},
    ]);
    await using program = await bundle("file-mover");
    const [{ url } = { url: "" }] = await sink.run({});
    const place: Place = { folder, program: program.program, sink, url, vendorUrl };
    const rows: Row[] = [];
    for (const comparison of comparisons) rows.push(...(await compare(place, comparison, quick ? 1 : 5)));
    return rows;
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface Place {
  readonly folder: string;
  readonly program: URL;
  readonly sink: Crew<object, SinkAnswer>;
  readonly url: string;
  readonly vendorUrl: string | undefined;
}

async function compare(place: Place, comparison: Comparison, rounds: number): Promise<Row[]> {
  const { name, ways, hasGoal, isReceived } = comparison;
  const moved = new Map(ways.map((way): [WayOfMoving, Moved[]] => [way, []]));
  for (let round = 0; round < rounds; round++) {
    for (const way of round % 2 === 0 ? ways : [...ways].reverse())
      moved.get(way)?.push(await move(place, way, comparison));
  }
  const lines = [...moved].map(([way, all]) => {
    const [speed, memory] = [all.map(({ mibPerSecond }) => mibPerSecond), all.map(({ grewMib }) => grewMib)];
    return [way, short(median(speed)), short(median(memory)), short(Math.max(...memory))];
  });
  say(`${name}, ${rounds} times in turns\n${table(["", "MiB/s", "peak RSS above idle, MiB", "at most"], lines)}\n`);
  const [ours = [], bare = []] = ways.map((way) => moved.get(way) ?? []);
  const [own = Number.NaN, other = Number.NaN] = [ours, bare].map((all) => median(all.map((one) => one.mibPerSecond)));
  const speed = own / other;
  const memory = Math.max(...ours.map(({ grewMib }) => grewMib));
  const faster: Row = {
    what: `${name}: speed, ours / ${ways[1]?.replace(/^\w+: /, "")}`,
    measured: `${short(speed)}×`,
  };
  const row = hasGoal ? { ...faster, goal: `≥ ${SPEED_GOAL}×`, met: speed >= SPEED_GOAL } : faster;
  if (comparison.files > 1) return [row];
  const peak = { what: `${name}: peak RSS above idle`, measured: `${short(memory)} MiB` };
  const limit = { goal: `≤ ${MEMORY_GOAL_MIB} MiB`, met: memory <= MEMORY_GOAL_MIB };
  return [row, isReceived ? peak : { ...peak, ...limit }];
}

async function move(
  { folder, program, sink, url, vendorUrl }: Place,
  way: WayOfMoving,
  { files, sizeBytes, isReceived = false }: Comparison,
): Promise<Moved> {
  const path = join(folder, `file-${sizeBytes}`);
  await (isReceived ? rm(path, { force: true }) : makeFile(path, sizeBytes));
  const order: MoverOrder = { way, url, vendorUrl };
  await using mover = await Crew.start<MoverOrder, MoverTask, MoverAnswer>(program, [order], ["--expose-gc"]);
  await sink.run({});
  const [answer] = await mover.run({ path, sizeBytes, files });
  const [taken] = await sink.run({});
  const { tookMs = Number.NaN, grewBytes = Number.NaN } = answer ?? {};
  expectAll(way, taken, isReceived ? 0 : files, sizeBytes);
  return { mibPerSecond: (files * sizeBytes) / MIB / (tookMs / 1_000), grewMib: grewBytes / MIB };
}

/** Forms have a little more than their files. */
function expectAll(way: WayOfMoving, taken: SinkAnswer | undefined, files: number, sizeBytes: number): void {
  if (taken?.files === files && taken.takenBytes >= files * sizeBytes) return;
  throw new Error(
    `${way}: ${taken?.takenBytes} bytes in ${taken?.files} files arrived, not ${files * sizeBytes} in ${files}.`,
  );
}

/** All holes: what the disk does is no part of the upload's measurement. */
async function makeFile(path: string, sizeBytes: number): Promise<void> {
  await using file = await open(path, "w");
  await file.truncate(sizeBytes);
}

await main(bench);

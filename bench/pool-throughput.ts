/**
 * Many short tasks under the project's cap: a pool's group of warm sessions against a session per task, as many at once. Sessions take
 * their time to open, as with the service; what is counted is tasks a second, and how long sessions were live, which is what they cost.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { startEmulator } from "../src/emulator/index.ts";
import { BrowserUse } from "../src/index.ts";
import { SessionPool } from "../src/pool.ts";
import { type BenchOptions, main, type Row, say, table } from "./support/bench.ts";
import { ratio, short, sum } from "./support/numbers.ts";
import { inParallel } from "./support/wants.ts";

interface Size {
  readonly tasks: number;
  readonly cap: number;
  /** Until a session is open: the answer to its create is held back for so long. */
  readonly openMs: number;
  readonly taskMs: number;
}

interface Outcome {
  readonly seconds: number;
  readonly sessions: number;
  readonly sessionMinutes: number;
}

type Version = "v2" | "v3";
type Way = (client: BrowserUse, version: Version, size: Size) => Promise<void>;

async function bench({ quick }: BenchOptions): Promise<Row[]> {
  const size: Size = quick
    ? { tasks: 40, cap: 8, openMs: 200, taskMs: 100 }
    : { tasks: 500, cap: 25, openMs: 1_200, taskMs: 800 };
  say(`${size.tasks} tasks of ${size.taskMs} ms, cap ${size.cap}, a session opens in ${size.openMs} ms`);
  const rows: Row[] = [];
  const lines: string[][] = [];
  for (const version of quick ? (["v2"] as const) : (["v2", "v3"] as const)) {
    const plain = await measure(sessionPerTask, version, size);
    const pooled = await measure(fromPool, version, size);
    lines.push(line(`${version}, a session per task`, plain, size), line(`${version}, pool`, pooled, size));
    const faster = plain.seconds / pooled.seconds;
    const cheaper = pooled.sessionMinutes / plain.sessionMinutes;
    rows.push({ what: `${version}: tasks a second, pool / a session per task`, measured: ratio(faster) });
    rows.push({ what: `${version}: session-minutes, pool / a session per task`, measured: `${short(cheaper)}×` });
  }
  say(table(["", "tasks a second", "seconds", "sessions opened", "session-minutes"], lines));
  const { openMs, taskMs } = size;
  say(`With nothing but opening and task, the pool could be ${ratio((openMs + taskMs) / taskMs)} as fast.`);
  return rows;
}

function line(name: string, { seconds, sessions, sessionMinutes }: Outcome, { tasks }: Size): string[] {
  return [name, short(tasks / seconds), short(seconds), String(sessions), short(sessionMinutes)];
}

const sessionPerTask: Way = (client, version, { tasks, cap }) =>
  inParallel(tasks, cap, () =>
    version === "v2"
      ? client.v2.sessions.use({}, (session) => session.run("A short task."))
      : client.v3.sessions.use({}, (session) => session.run("A short task.")),
  );

/** Its sessions are stopped, as the pool closes, before this resolves. All options are the defaults. */
const fromPool: Way = async (client, version, { tasks, cap }) => {
  if (version === "v2") {
    await using pool = new SessionPool(client.v2.sessions);
    await inParallel(tasks, cap, () => pool.use({ group: "bench" }, (session) => session.run("A short task.")));
  } else {
    await using pool = new SessionPool(client.v3.sessions);
    await inParallel(tasks, cap, () => pool.use({ group: "bench" }, (session) => session.run("A short task.")));
  }
};

async function measure(way: Way, version: Version, size: Size): Promise<Outcome> {
  const { cap: maxSessions, openMs, taskMs } = size;
  await using cloud = await startEmulator({ maxSessions, onTask: () => sleep(taskMs, "Done.") });
  const client = new BrowserUse({ baseUrl: cloud.url, apiKey: cloud.apiKey, fetch: slowToOpen(openMs) });
  const begun = performance.now();
  await way(client, version, size);
  const seconds = (performance.now() - begun) / 1000;
  const lives = await livesMs(client, version);
  return { seconds, sessions: lives.length, sessionMinutes: sum(lives) / 60_000 };
}

/** The session is there, and costs, from when the create arrives. */
function slowToOpen(openMs: number): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const isOpening = request.method === "POST" && request.url.endsWith("/sessions") && !(await namesSession(request));
    const [response] = await Promise.all([fetch(request), isOpening ? sleep(openMs) : undefined]);
    return response;
  };
}

async function namesSession(request: Request): Promise<boolean> {
  const body: unknown = await request.clone().json();
  return typeof body === "object" && body !== null && "sessionId" in body;
}

/** How long each session was live, by the emulator's clock. */
async function livesMs(client: BrowserUse, version: Version): Promise<number[]> {
  const lives: number[] = [];
  const add = (from: string, to: string | null | undefined) => lives.push(Date.parse(to ?? "") - Date.parse(from));
  if (version === "v2")
    for await (const { startedAt, finishedAt } of client.v2.sessions.list()) add(startedAt, finishedAt);
  else for await (const { createdAt, updatedAt } of client.v3.sessions.list()) add(createdAt, updatedAt);
  if (lives.some(Number.isNaN)) throw new Error("A session was not stopped.");
  return lives;
}

await main(bench);

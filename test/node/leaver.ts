/** Programs that are ended by a signal. The first argument names one; it says its pid when it may be ended. */
import { BrowserUse } from "../../src/index.ts";
import { stopOnExit } from "../../src/node.ts";
import { SessionPool } from "../../src/pool.ts";

const browserUse = new BrowserUse();
const ready = (): void => void process.send?.(process.pid);
/** Keeps the process for as long as a program that serves. */
const serve = (): unknown => setInterval(() => {}, 60_000);

const programs: Readonly<Record<string, () => unknown>> = {
  "a run in a session": async () => {
    stopOnExit(browserUse);
    const session = await browserUse.v3.sessions.open();
    const run = await session.start("Wait");
    ready();
    await run.result();
  },
  "a run beside a session": async () => {
    stopOnExit(browserUse);
    await browserUse.v2.sessions.open();
    const session = await browserUse.v3.sessions.open();
    const run = await session.start("Wait");
    ready();
    await run.result();
  },
  "a one-shot run of v2": () => oneShot(() => browserUse.v2.run("Wait")),
  "a one-shot run of v3": () => oneShot(() => browserUse.v3.run("Wait")),
  "two sessions and a browser": async () => {
    stopOnExit(browserUse);
    await openAll(browserUse);
    ready();
    serve();
  },
  "two clients": async () => {
    const other = new BrowserUse();
    stopOnExit(browserUse);
    stopOnExit(other);
    await Promise.all([browserUse.v2.sessions.open(), other.v3.sessions.open()]);
    ready();
    serve();
  },
  "a client given twice": async () => {
    stopOnExit(browserUse);
    stopOnExit(browserUse)();
    await openAll(browserUse);
    ready();
    serve();
  },
  "an opening": async () => {
    stopOnExit(browserUse);
    ready();
    await browserUse.v3.sessions.open();
    serve();
  },
  "a worker that goes on": async () => {
    stopOnExit(browserUse);
    ready();
    for (;;) await browserUse.v3.run("Wait").catch(() => {});
  },
  "an own end of the failure": () => {
    stopOnExit(browserUse);
    ready();
    Promise.all([1, 2, 3].map(() => browserUse.v3.run("Wait"))).catch(() => process.exit(1));
  },
  "own listeners": async () => {
    process.once("SIGTERM", async () => {
      process.send?.("heard");
      await browserUse.close();
      setTimeout(() => process.exit(7), 300);
    });
    stopOnExit(browserUse);
    await openAll(browserUse);
    ready();
    serve();
  },
  "a pool": async () => {
    stopOnExit(browserUse);
    const pool = new SessionPool(browserUse.v3.sessions);
    const [one, two] = await Promise.all([pool.acquire({ key: "one" }), pool.acquire({ key: "two" })]);
    await one.release();
    ready();
    await two.session.run("Wait");
  },
  "stops that last": async () => {
    stopOnExit(browserUse, { timeoutMs: 300 });
    await browserUse.v3.sessions.open();
    ready();
    serve();
  },
  "its natural end": async () => {
    stopOnExit(browserUse);
    await browserUse.v3.sessions.open();
  },
  "a change of mind": async () => {
    const before = listeners();
    stopOnExit(browserUse)();
    {
      using _ = stopOnExit(browserUse);
    }
    await browserUse.v3.sessions.open();
    process.send?.(listeners() - before);
    serve();
  },
};

async function oneShot(run: () => Promise<unknown>): Promise<void> {
  stopOnExit(browserUse);
  ready();
  await run();
}

function openAll(client: BrowserUse): Promise<object[]> {
  return Promise.all([client.v2.sessions.open(), client.v3.sessions.open(), client.browsers.open()]);
}

function listeners(): number {
  return ["SIGINT", "SIGTERM", "SIGHUP", "uncaughtException"].reduce(
    (sum, name) => sum + process.listenerCount(name),
    0,
  );
}

await programs[process.argv[2] ?? ""]?.();

import { once } from "node:events";
import { createServer } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  type SkyvernEmulator,
  type SkyvernEmulatorOptions,
  skyvernFaults,
  startSkyvernEmulator,
} from "../../src/emulator/index.ts";
import { stopOnExit } from "../../src/node.ts";
import { memoryLeaseStore, SessionPool } from "../../src/pool.ts";
import {
  RunFailedError,
  SessionBusyError,
  SessionStoppedError,
  Skyvern,
  type SkyvernOptions,
  TimeoutError,
  verifySkyvernWebhook,
} from "../../src/skyvern.ts";
import { rejection } from "../support/clients.ts";

async function start(options: SkyvernEmulatorOptions = {}): Promise<SkyvernEmulator> {
  const emulator = await startSkyvernEmulator({ port: 0, ...options });
  onTestFinished(() => emulator.close());
  return emulator;
}

function clientOf({ url, apiKey }: SkyvernEmulator, options: SkyvernOptions = {}): Skyvern {
  return new Skyvern({ apiKey, baseUrl: url, ...options });
}

async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of list) items.push(item);
  return items;
}

/** An agent that works until the test lets it go on. */
function patient() {
  const control: { go: () => void } = { go: () => {} };
  const gone = new Promise<void>((resolve) => {
    control.go = resolve;
  });
  return { onTask: () => gone.then(() => "done"), go: () => control.go() };
}

const live = (emulator: SkyvernEmulator) =>
  emulator.sessions().filter(({ status }) => status === "created" || status === "running");

describe("the browser session's life", () => {
  test("opens, shows itself, is listed, and is closed for good", async () => {
    const emulator = await start();
    const { sessions } = clientOf(emulator);
    const session = await sessions.open({ timeout: 30, extensions: ["ad-blocker"], browser_type: "msedge" });
    expect(session.id).toMatch(/^pbs_/);
    expect(session.view).toMatchObject({ timeout: 30, extensions: ["ad-blocker"], browser_type: "msedge" });
    expect(await sessions.attach(session.id).refresh()).toMatchObject({ browser_session_id: session.id });
    expect((await all(sessions.list())).map(({ browser_session_id }) => browser_session_id)).toEqual([session.id]);
    expect(await session.stop()).toMatchObject({ status: "completed", completed_at: expect.any(String) });
    expect(await all(sessions.list())).toEqual([]);
    expect(await sessions.attach(session.id).stop()).toMatchObject({ status: "completed" });
  });

  test("is shorter than was asked for where the service says so", async () => {
    const session = await clientOf(await start()).sessions.open({ timeout: 1440 });
    expect(session.view?.timeout).toBe(240);
    expect(session.warning).toContain("240");
    await session.refresh();
    expect(session.warning).toContain("240");
  });

  test("may end by itself, and takes no task then", async () => {
    const emulator = await start();
    const session = await clientOf(emulator).sessions.open({ timeout: 5 });
    await session.browserAddress();
    emulator.advance(6 * 60_000);
    expect(await rejection(session.start("Go"))).toBeInstanceOf(SessionStoppedError);
    expect(session.isClosed).toBe(true);
    expect(emulator.requests.filter(({ path }) => path === "/v1/run/tasks")).toEqual([]);
  });

  test("begins with the first task on a server of one's own, which is not waited for in vain", async () => {
    const emulator = await start({ startMs: Number.POSITIVE_INFINITY });
    const session = await clientOf(emulator).sessions.open();
    expect(await rejection(session.browserAddress({ waitTimeoutMs: 300 }))).toBeInstanceOf(TimeoutError);
    await session.run("Go");
    expect(await session.browserAddress()).toMatch(/^wss:/);
  });

  test("shows times as they came, without an offset", async () => {
    const session = await clientOf(await start()).sessions.open();
    expect(session.view?.created_at).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+$/);
  });

  test("is looked at through failures that pass", async () => {
    const emulator = await start();
    const session = await clientOf(emulator).sessions.open();
    emulator.fail({ ...skyvernFaults.downloadsUnavailable, times: 2 });
    expect(await session.refresh()).toMatchObject({ browser_session_id: session.id });
    emulator.fail({ ...skyvernFaults.downloadsUnavailable });
    expect(await session.stop()).toMatchObject({ status: "completed" });
  });
});

describe("a task", () => {
  test("gives its output, its errors and its page as the service has them", async () => {
    const emulator = await start({ onTask: ({ prompt }) => ({ heard: prompt }) });
    const run = await clientOf(emulator).runTask({ prompt: "Go" }, { waitForCompletion: true });
    expect(run).toMatchObject({ status: "completed", run_type: "task_v1", output: { heard: "Go" } });
  });

  test("that is dispatched into a session at work is refused here, and not failed there", async () => {
    const { onTask, go } = patient();
    const emulator = await start({ onTask });
    const skyvern = clientOf(emulator);
    const session = await skyvern.sessions.open();
    const run = await session.start("One");
    // At once, while the session does not show the run yet, and once it does; with this handle and with others.
    expect(await rejection(skyvern.sessions.attach(session.id).start("Two"))).toBeInstanceOf(SessionBusyError);
    await expect.poll(async () => (await session.refresh()).runnable_id).toBe(run.id);
    expect(await rejection(clientOf(emulator).sessions.attach(session.id).start("Three"))).toBeInstanceOf(
      SessionBusyError,
    );
    const again = skyvern.runTask({ prompt: "Four", browser_session_id: session.id });
    expect(await rejection(again)).toBeInstanceOf(SessionBusyError);
    go();
    expect(await run.result()).toMatchObject({ output: "done" });
    expect(await session.run("Five")).toMatchObject({ status: "completed" });
    expect(emulator.requests.filter(({ path }) => path === "/v1/run/tasks")).toHaveLength(2);
  });

  test("that fails is an error with the run, as it is when it is cancelled", async () => {
    const emulator = await start({
      onTask: ({ prompt, signal }) => {
        if (prompt === "Fail") throw new Error("no such page");
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    });
    const skyvern = clientOf(emulator);
    const failed = await rejection(skyvern.runTask({ prompt: "Fail" }, { waitForCompletion: true }));
    expect(failed).toBeInstanceOf(RunFailedError);
    expect(failed).toMatchObject({ result: { status: "failed", failure_reason: "no such page" } });
    const run = await skyvern.runTask({ prompt: "Wait" });
    await run.stop();
    expect(await rejection(run.result())).toMatchObject({ result: { status: "canceled" } });
  });

  test("whose answer is lost is not sent again, and may have been dispatched", async () => {
    const emulator = await start();
    const skyvern = clientOf(emulator);
    const session = await skyvern.sessions.open();
    emulator.fail({ method: "POST", path: "/v1/run/tasks", drop: "after" });
    expect(await rejection(session.start("Go"))).toMatchObject({ outcome: "unknown" });
    expect(session.isQuiet).toBe(false);
    expect(emulator.requests.filter(({ path }) => path === "/v1/run/tasks")).toHaveLength(1);
  });

  test("that was started here is waited for there", async () => {
    const emulator = await start();
    const run = await clientOf(emulator).runTask({ prompt: "Go" });
    const there = clientOf(emulator).resume(JSON.parse(JSON.stringify(run)));
    expect(await there.result()).toMatchObject({ run_id: run.id, status: "completed" });
  });
});

test("a profile is made of a session once that is stored, and the next session begins with it", async () => {
  const emulator = await start({ archiveMs: 700, onTask: ({ state }) => state.set("login", "acme") && "in" });
  const skyvern = clientOf(emulator);
  const session = await skyvern.sessions.open({ generate_browser_profile: true });
  await session.run("Log in");
  const request = { name: "acme", browser_session_id: session.id };
  expect(String(await rejection(skyvern.profiles.create(request)))).toContain("stop it first");
  await session.stop();
  const profile = await skyvern.profiles.create(request);
  expect(emulator.profileState(profile.browser_profile_id)?.get("login")).toBe("acme");
  const next = await skyvern.sessions.open({ browser_profile_id: profile.browser_profile_id });
  expect(next.view?.browser_profile_id).toBe(profile.browser_profile_id);
  expect(await rejection(skyvern.profiles.create(request))).toMatchObject({ status: 409 });
  const plain = await skyvern.sessions.open();
  await plain.stop();
  const never = skyvern.profiles.create({ name: "other", browser_session_id: plain.id });
  expect(String(await rejection(never))).toContain("was not configured");
});

test("an upload is there to be read, byte for byte", async () => {
  const skyvern = clientOf(await start());
  const data = Uint8Array.from({ length: 40_000 }, (_, index) => (index * 31) % 256);
  const { presigned_url } = await skyvern.files.upload({ name: "Beleg ü.pdf", data });
  expect(new Uint8Array(await (await fetch(presigned_url)).arrayBuffer())).toEqual(data);
  const large = { name: "large.bin", data: new Uint8Array(11 * 1024 * 1024) };
  expect(await rejection(skyvern.files.upload(large))).toMatchObject({ status: 413 });
});

test("a webhook of a run is verified with the key, and wakes who waits for it", async () => {
  const { onTask, go } = patient();
  const emulator = await start({ onTask });
  const skyvern = clientOf(emulator);
  const verified: unknown[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const received = { body: Buffer.concat(chunks), headers: request.headers };
    const { run, timestamp } = await verifySkyvernWebhook(received, emulator.apiKey);
    verified.push({ id: run.run_id, status: run.status, isRecent: Date.now() - Number(timestamp) < 60_000 });
    skyvern.notify(run);
    response.end();
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const address = server.address();
  const webhook_url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/`;
  const run = await skyvern.runTask({ prompt: "Gö", webhook_url });
  const waiting = run.result();
  go();
  await waiting;
  await expect.poll(() => verified).toEqual([{ id: run.id, status: "completed", isRecent: true }]);
});

test("two processes on one store work off tickets: one task per session, never more sessions than allowed, none left", async () => {
  let most = 0;
  const emulator = await start({
    onTask: async ({ session, prompt, state }) => {
      most = Math.max(most, live(emulator).length);
      const before = state.get("key");
      state.set("key", prompt);
      await new Promise((resolve) => setTimeout(resolve, 5));
      return { session: session?.id, before: before ?? null };
    },
  });
  const store = memoryLeaseStore();
  const events: string[] = [];
  const pools = [1, 2].map(() => {
    const options = { maxSessions: 3, store, project: "p", onEvent: ({ type }: { type: string }) => events.push(type) };
    return new SessionPool(clientOf(emulator).sessions, options);
  });
  const outputs = await Promise.all(
    Array.from({ length: 16 }, async (_, index) => {
      const key = `k${index % 4}`;
      const pool = pools[index % 2];
      const run = await pool?.use({ key }, (session) => session.run(key));
      return { key, output: run?.output as { session: string; before: string | null } };
    }),
  );
  await Promise.all(pools.map((pool) => pool.close()));
  expect(outputs).toHaveLength(16);
  for (const { key, output } of outputs) expect([key, null]).toContain(output.before);
  expect(most).toBeLessThanOrEqual(3);
  expect(live(emulator)).toEqual([]);
  expect(events).not.toContain("unusable");
});

test("a process that is told to end stops what its client has", async () => {
  const emulator = await start();
  const skyvern = clientOf(emulator);
  await skyvern.sessions.open();
  const remove = stopOnExit(skyvern);
  onTestFinished(() => remove());
  const ended = new Promise<void>((resolve) => process.once("SIGHUP", () => resolve()));
  process.kill(process.pid, "SIGHUP");
  await ended;
  await expect.poll(() => live(emulator)).toEqual([]);
});

test("many runs are asked for together, and each comes to its end", async () => {
  const emulator = await start({ onTask: ({ prompt }) => prompt });
  const skyvern = clientOf(emulator);
  const runs = await Promise.all(Array.from({ length: 40 }, (_, index) => skyvern.runTask({ prompt: `p${index}` })));
  const results = await Promise.all(runs.map((run) => run.result()));
  expect(results.map(({ output }) => output)).toEqual(runs.map((_, index) => `p${index}`));
});

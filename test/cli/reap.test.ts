import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BrowserUse } from "browser-use-client";
import { type Emulator, startEmulator, startSkyvernEmulator } from "browser-use-client/emulator";
import { redisLeaseStore } from "browser-use-client/redis";
import { createClient } from "redis";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { type RedisServer, redisIsThere, startRedis } from "../support/redis-server.ts";
import { run } from "./command.ts";

const KEY = "bu_a_key_that_nobody_may_see";
const SKYVERN_KEY = "sky_a_key_that_nobody_may_see";
const PASSWORD = "a-password-that-nobody-may-see";
const HOLDER_LEASE_MS = 1_000;

describe.skipIf(!redisIsThere())("reap", () => {
  let redis: RedisServer;
  let emulator: Emulator;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    redis = await startRedis("--requirepass", PASSWORD);
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    const onTask = ({ state }: { readonly state: Map<string, string> }) => void state.set("shop.test/login", "yes");
    emulator = await startEmulator({ apiKey: KEY, onTask });
    const url = redis.url.replace("//", `//:${PASSWORD}@`);
    env = { ...process.env, BROWSER_USE_BASE_URL: emulator.url, BROWSER_USE_API_KEY: KEY, REDIS_URL: url };
    return () => emulator.close();
  });

  /** A session that a killed process has left behind, its lease over. */
  async function orphan(profileId?: string, vendor?: string): Promise<string> {
    const child = spawn(process.execPath, ["--import", "tsx", "test/cli/holder.ts"], {
      env: { ...env, PROFILE_ID: profileId, VENDOR: vendor },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const [sessionId] = await once(child, "message");
    child.kill("SIGKILL");
    await once(child, "exit");
    await sleep(HOLDER_LEASE_MS);
    return sessionId;
  }

  function statusOf(sessionId: string): string | undefined {
    return emulator.sessions().find(({ id }) => id === sessionId)?.status;
  }

  /** A session that no pool has opened, on record as first seen two minutes ago. */
  async function stray(): Promise<string> {
    const browserUse = new BrowserUse({ baseUrl: emulator.url, apiKey: KEY });
    const session = await browserUse.v3.sessions.open();
    const { projectId } = await browserUse.billing.account();
    const client = createClient({ url: env["REDIS_URL"] ?? "" });
    await client.connect();
    const leases = redisLeaseStore(client).project(projectId);
    const pass = { kind: "v3.session", live: [{ id: session.id }], graceMs: 90_000, exclusive: false };
    await leases.reconcile({ ...pass, startedAt: Date.now() - 120_000 });
    client.destroy();
    return session.id;
  }

  test("stops what a killed process has left, which saves its profile", async () => {
    const profile = await new BrowserUse({ baseUrl: emulator.url, apiKey: KEY }).profiles.ensure({ name: "acme" });
    const sessionId = await orphan(profile.id);
    expect(statusOf(sessionId)).toBe("idle");

    const ended = await run(["reap"], { env });

    expect(ended.stdout).toBe("v2 sessions: nothing to do\nv3 sessions: 1 stopped\nbrowsers: nothing to do\n");
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(statusOf(sessionId)).toBe("stopped");
    expect(emulator.profileState(profile.id)?.get("shop.test/login")).toBe("yes");
  });

  test("of Skyvern stops what a killed process has left there, and nothing of the other vendor's", async () => {
    const skyvern = await startSkyvernEmulator({ apiKey: SKYVERN_KEY });
    onTestFinished(() => skyvern.close());
    Object.assign(env, { SKYVERN_BASE_URL: skyvern.url, SKYVERN_API_KEY: SKYVERN_KEY });
    const beside = await orphan();
    const sessionId = await orphan(undefined, "skyvern");
    const live = () => skyvern.sessions().filter(({ status }) => status === "created" || status === "running");
    expect(live().map(({ id }) => id)).toEqual([sessionId]);

    const args = ["reap", "--vendor", "skyvern", "--project", "acme", "--max-sessions", "3"];
    const ended = await run(args, { env: { ...env, BROWSER_USE_API_KEY: undefined } });

    expect(ended).toMatchObject({ code: 0, stdout: "Skyvern sessions: 1 stopped\n", stderr: "" });
    expect(live()).toEqual([]);
    expect(statusOf(beside)).toBe("idle");
  });

  test("touches no kind but those that are named", async () => {
    const sessionId = await orphan();

    const other = await run(["reap", "--kind", "v2", "--kind", "browsers"], { env });

    expect(other).toMatchObject({
      code: 0,
      stdout: "v2 sessions: nothing to do\nbrowsers: nothing to do\nleft to the pools: 1 leased\n",
    });
    expect(statusOf(sessionId)).toBe("idle");
  });

  test("tells of a session that no pool has opened, and leaves it alone", async () => {
    const sessionId = await stray();

    const ended = await run(["reap", "--kind", "v3"], { env });

    expect(ended).toMatchObject({
      code: 0,
      stdout: `v3 sessions: 1 live on nobody's record, left alone: ${sessionId}\n`,
    });
    expect(statusOf(sessionId)).not.toBe("stopped");
  });

  test("stops it when the project is said to be the pools' own", async () => {
    const sessionId = await stray();

    const ended = await run(["reap", "--kind", "v3", "--exclusive"], { env });

    expect(ended).toMatchObject({ code: 0, stdout: "v3 sessions: 1 stopped\n" });
    expect(statusOf(sessionId)).toBe("stopped");
  });

  test("fails when a stop fails, and says which", async () => {
    const sessionId = await orphan();
    emulator.fail({ method: "POST", path: "/v3/sessions/{session_id}/stop", status: 403, times: 100 });

    const ended = await run(["reap", "--kind", "v3"], { env });

    expect(ended).toMatchObject({
      code: 1,
      stdout: "v3 sessions: 1 not stopped, and to be tried again\nleft to the pools: 1 stopping\n",
    });
    expect(ended.stderr).toContain(`${sessionId} was not stopped: `);
    expect(ended.stderr).not.toContain(KEY);
  });

  test("goes on with the other kinds when the service does not answer for one", async () => {
    const sessionId = await orphan();
    emulator.fail({ method: "GET", path: "/v2/sessions", status: 403, times: 100 });

    const ended = await run(["reap", "--kind", "v2", "--kind", "v3"], { env });

    expect(ended).toMatchObject({ code: 1, stdout: "v3 sessions: 1 stopped\n" });
    expect(ended.stderr).toContain("v2 sessions: not looked at: ");
    expect(statusOf(sessionId)).toBe("stopped");
  });

  test("takes ioredis where a project has that", async () => {
    const project = mkdtempSync(join(tmpdir(), "browser-use-reap-"));
    onTestFinished(() => rmSync(project, { recursive: true }));
    mkdirSync(join(project, "node_modules"));
    // A redis that cannot be what is used.
    symlinkSync(join(process.cwd(), "node_modules/ioredis"), join(project, "node_modules/ioredis"));
    mkdirSync(join(project, "node_modules/redis"));
    const sessionId = await orphan();

    const ended = await run(["reap", "--kind", "v3"], { env, cwd: project });

    expect(ended).toMatchObject({ code: 0, stdout: "v3 sessions: 1 stopped\n", stderr: "" });
    expect(statusOf(sessionId)).toBe("stopped");
  });

  test.each([
    ["a wrong password", `redis://:wrong-${PASSWORD}@`],
    ["a wrong user", `redis://nobody:${PASSWORD}@`],
  ])("says that Redis refuses %s, and repeats neither that nor the key", async (_, start) => {
    const url = redis.url.replace("redis://", start);

    const { code, stdout, stderr } = await run(["reap", "--redis", url], { env });

    expect(stderr).toContain(`Redis at 127.0.0.1:${redis.port} cannot be used: `);
    expect(stdout + stderr).not.toContain(PASSWORD);
    expect(stdout + stderr).not.toContain(KEY);
    expect(code).toBe(1);
  });
});

const SETTINGS = {
  ...process.env,
  BROWSER_USE_API_KEY: KEY,
  SKYVERN_API_KEY: undefined,
  REDIS_URL: "redis://127.0.0.1:1",
};
const SKYVERN = ["--vendor", "skyvern"];

test.each([
  ["no Redis: give --redis or set REDIS_URL", [], { REDIS_URL: undefined }],
  ["no API key: set BROWSER_USE_API_KEY", [], { BROWSER_USE_API_KEY: undefined }],
  ["no API key: set SKYVERN_API_KEY", [...SKYVERN, "--project", "acme", "--max-sessions", "3"], {}],
  ["give --project and --max-sessions", [...SKYVERN, "--max-sessions", "3"], { SKYVERN_API_KEY: SKYVERN_KEY }],
  ["give --project and --max-sessions", [...SKYVERN, "--project", "acme"], { SKYVERN_API_KEY: SKYVERN_KEY }],
  ["--kind is for Browser Use", [...SKYVERN, "--kind", "v3"], { SKYVERN_API_KEY: SKYVERN_KEY }],
  ['--vendor takes browser-use, skyvern, not "other"', ["--vendor", "other"], {}],
  ['--kind takes v2, v3, browsers, not "v1"', ["--kind", "v1"], {}],
  ["the Redis URL must look like redis://host:6379", ["--redis", `http://:${PASSWORD}@host`], {}],
  ["--max-sessions takes a whole number from 1", ["--max-sessions", "0"], {}],
  ["--hard", ["--hard"], {}],
  ['unexpected argument "redis://…@host"', [`redis://:${PASSWORD}@host`], {}],
])("a command line is refused with a reason and the usage: %s", async (reason, args, changes) => {
  const { code, stdout, stderr } = await run(["reap", ...args], { env: { ...SETTINGS, ...changes } });

  expect(stderr).toContain(reason);
  expect(stderr).toContain("Usage: browser-use-client reap");
  expect(stdout + stderr).not.toContain(PASSWORD);
  expect(code).toBe(2);
});

test("a Redis that is not there is told in one line", async () => {
  const { code, stderr } = await run(["reap"], { env: SETTINGS });

  expect(stderr).toMatch(/^browser-use-client: Redis at 127\.0\.0\.1:1 cannot be used: .*ECONNREFUSED.*\n$/);
  expect(code).toBe(1);
});

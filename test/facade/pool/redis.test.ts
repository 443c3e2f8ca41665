import { inspect } from "node:util";
import { Redis } from "ioredis";
import { createClient, RESP_TYPES } from "redis";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { InvalidInputError, LeaseStoreError } from "../../../src/facade/errors.ts";
import type { LeaseStore } from "../../../src/facade/pool/lease-store.ts";
import { type RedisClient, type RedisLeaseStoreOptions, redisLeaseStore } from "../../../src/redis.ts";
import { type RedisServer, redisIsThere, startRedis } from "../../support/redis-server.ts";
import {
  ask,
  close,
  LONG,
  leaseStoreConformance,
  look,
  type OpenedStore,
  open,
  want,
} from "./lease-store.conformance.ts";

const KEEP = { to: "idle", idleMs: LONG, maxUses: 100, stopMs: LONG } as const;

/** A client with what tests do beside the store. */
interface TestClient {
  readonly client: RedisClient;
  readonly command: (...args: [string, ...string[]]) => Promise<unknown>;
  readonly end: () => void;
}

/** Clients shout their connection errors; here they are what is tested. */
function quiet(): void {}

async function nodeRedis({ url }: RedisServer): Promise<TestClient> {
  const client = createClient({ url, socket: { reconnectStrategy: 20 } });
  client.on("error", quiet);
  await client.connect();
  return { client, command: (...args) => client.sendCommand(args), end: () => client.destroy() };
}

async function ioredis(
  { port }: RedisServer,
  options: { readonly keyPrefix?: string; readonly password?: string } = {},
): Promise<TestClient> {
  const client = new Redis({ port, retryStrategy: () => 20, maxRetriesPerRequest: null, ...options });
  client.on("error", quiet);
  return { client, command: (name, ...args) => client.call(name, ...args), end: () => client.disconnect() };
}

const LIBRARIES = [
  { library: "node-redis", connect: nodeRedis },
  { library: "ioredis", connect: ioredis },
] as const;

/** A store of one library on a server, both of which end with the test. */
async function setUp(
  connect: (server: RedisServer) => Promise<TestClient>,
  options: RedisLeaseStoreOptions = {},
  ...extra: readonly string[]
): Promise<TestClient & { readonly server: RedisServer; readonly store: LeaseStore }> {
  const server = await startRedis(...extra);
  const test = await connect(server);
  onTestFinished(async () => {
    test.end();
    await server.stop();
  });
  return { ...test, server, store: redisLeaseStore(test.client, options) };
}

async function openStore(connect: (server: RedisServer) => Promise<TestClient>): Promise<OpenedStore> {
  const server = await startRedis();
  const { client, end } = await connect(server);
  const stop = async () => {
    end();
    await server.stop();
  };
  return { store: redisLeaseStore(client), close: stop };
}

describe.skipIf(!redisIsThere())("redisLeaseStore", () => {
  leaseStoreConformance("redis, by node-redis", () => openStore(nodeRedis));
  leaseStoreConformance("redis, by ioredis", () => openStore(ioredis));
  leaseStoreConformance("redis, by ioredis with a prefix of its own", () =>
    openStore((server) => ioredis(server, { keyPrefix: "app:" })),
  );

  describe.each(LIBRARIES)("by $library", ({ connect }) => {
    it("goes on when the server has forgotten its scripts", async () => {
      const { store, command } = await setUp(connect);
      const leases = store.project("project");
      await look(leases);
      const lease = await open(leases);
      await command("SCRIPT", "FLUSH");
      expect(await leases.renew([lease], LONG)).toEqual([]);
      await command("SCRIPT", "FLUSH");
      const [one, two] = await Promise.all([leases.counts(), leases.counts()]);
      expect([one.leased, two.leased]).toEqual([1, 1]);
    });

    it("knows no lease and grants nothing after all data is lost, until the vendor was looked at", async () => {
      const { store, command } = await setUp(connect);
      const leases = store.project("project");
      await look(leases);
      const { slot, token, sessionId } = await open(leases);
      const wanted = want();
      const created = await ask(leases, "create", wanted);
      await command("FLUSHALL");
      expect(await leases.renew([{ slot, token }], LONG)).toEqual([token]);
      expect(await leases.release(slot, token, KEEP)).toBe("lost");
      expect(await leases.attach(created.slot, wanted.token, "late", { leaseMs: LONG, lifeMs: LONG })).toBe(false);
      expect(await leases.acquire(want())).toEqual({ kind: "unready" });
      await look(leases, [{ id: sessionId }]);
      expect(await leases.counts()).toMatchObject({ strays: 1, leased: 0 });
      await ask(leases, "create", want());
    });

    it("gives fences that go on upwards after all data is lost", async () => {
      const { store, command } = await setUp(connect);
      const leases = store.project("project");
      await look(leases);
      const fences: number[] = [];
      for (let i = 0; i < 200; i++) fences.push((await ask(leases, "create", want({ cap: 1_000 }))).fence);
      await command("FLUSHALL");
      await look(leases);
      fences.push((await ask(leases, "create", want())).fence);
      expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b));
      expect(fences.every(Number.isSafeInteger)).toBe(true);
    });

    it("fails in time when the server is gone, and works when it is back", async () => {
      const { store, server } = await setUp(connect, { timeoutMs: 300 });
      const leases = store.project("project");
      await look(leases);
      await server.kill();
      const startedAt = performance.now();
      await expect(leases.acquire(want())).rejects.toThrow(LeaseStoreError);
      await expect(leases.renew([{ slot: "slot", token: "token" }], LONG)).rejects.toThrow(LeaseStoreError);
      await expect(store.lock("name", LONG)).rejects.toThrow(LeaseStoreError);
      expect(performance.now() - startedAt).toBeLessThan(3_000);
      await server.restart();
      await vi.waitFor(async () => expect(await leases.acquire(want())).toEqual({ kind: "unready" }), 5_000);
      await look(leases);
      await ask(leases, "create", want());
    });

    it("fails in time when the server does not answer", async () => {
      const { store, server, command } = await setUp(connect, { timeoutMs: 200 });
      const leases = store.project("project");
      await look(leases);
      const other = await connect(server);
      onTestFinished(other.end);
      await other.command("CLIENT", "PAUSE", "1000", "ALL");
      await expect(leases.counts()).rejects.toThrow("Redis did not answer counts within 200 ms");
      await vi.waitFor(() => command("PING"), 5_000);
      expect(await leases.counts()).toMatchObject({ leased: 0 });
    });

    it("refuses a server that may evict what the pool counts on", async () => {
      const policy = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"];
      const { store, command } = await setUp(connect, {}, ...policy);
      const leases = store.project("project");
      await expect(leases.counts()).rejects.toThrow("its maxmemory-policy is allkeys-lru");
      await expect(leases.acquire(want())).rejects.toThrow(LeaseStoreError);
      await command("CONFIG", "SET", "maxmemory-policy", "noeviction");
      expect(await leases.counts()).toMatchObject({ leased: 0 });
    });

    it("works on a server that refuses to tell its policy, and for a user who may not publish", async () => {
      const { store, command } = await setUp(connect);
      await command("ACL", "SETUSER", "default", "-info", "-publish");
      const leases = store.project("project");
      await look(leases);
      const lease = await open(leases, { cap: 1 });
      const wanted = want({ cap: 1 });
      await ask(leases, "wait", wanted);
      await close(leases, lease);
      await ask(leases, "create", wanted);
    });

    it("hears again after its own connection was cut, and has none when nobody listens", async () => {
      const { store, command } = await setUp(connect);
      const leases = store.project("project");
      await look(leases);
      const heard: string[] = [];
      const unwatch = [leases.watch("pool-1", (token) => heard.push(token)), leases.watch("pool-2", quiet)];
      await open(leases, { cap: 1 });
      const { token } = want();
      await ask(leases, "wait", want({ cap: 1, token }));
      const hears = async () => {
        await leases.leave("nobody");
        expect(heard).toContain(token);
      };
      await vi.waitFor(hears, 5_000);
      expect(await command("CLIENT", "KILL", "TYPE", "pubsub")).toBe(1);
      heard.length = 0;
      await vi.waitFor(hears, 5_000);
      for (const stop of unwatch) stop();
      await vi.waitFor(async () => expect(await command("CLIENT", "LIST", "TYPE", "pubsub")).toBe(""), 5_000);
    });

    it("keeps all keys of a project in one hash slot, and gives only memories a time to live", async () => {
      const { store, command } = await setUp(connect);
      await liveThroughMuch(store.project("project"));
      const keys = await keysOf(command);
      expect(keys.filter((key) => !key.startsWith("{browser-use:project}:"))).toEqual([]);
      const mortal = await Promise.all(keys.map(async (key) => (Number(await command("PTTL", key)) >= 0 ? [key] : [])));
      expect(mortal.flat().sort()).toEqual(["{browser-use:project}:seen:key", "{browser-use:project}:shrink"]);
    });

    it("leaves nothing when all sessions are stopped but what it needs to go on", async () => {
      const { store, command } = await setUp(connect);
      const leases = store.project("project");
      await liveThroughMuch(leases);
      for (const { state, slot } of await leases.slots()) {
        expect(["stopping", "idle", "unknown"], state).toContain(state);
        await leases.claimIdle("v3", "pool-1", LONG);
        await leases.stopped(slot);
      }
      const names = (await keysOf(command)).map((key) => key.slice("{browser-use:project}:".length));
      const constant = ["counted", "counter", "looks", "passes", "space", "states"];
      expect(names.filter((name) => !/^(seen:|shrink)/.test(name)).sort()).toEqual(constant);
    });

    it("asks no more of the server for two thousand sessions than for one", async () => {
      const { store, command } = await setUp(connect);
      const leases = store.project("project");
      await look(leases);
      const turn = async () => {
        const before = await callsOf(command);
        const wanted = want({ cap: 5_000, shape: "shape" });
        const { slot } = await ask(leases, "reuse", wanted);
        await leases.renew([{ slot, token: wanted.token }], LONG);
        await leases.release(slot, wanted.token, KEEP);
        await leases.counts();
        return (await callsOf(command)) - before;
      };
      await idleOf(leases, 1);
      await turn();
      const few = await turn();
      await idleOf(leases, 2_000);
      expect(await turn()).toBe(few);
    });

    it("counts a grant only when enough replicas have it, and gives it again", async () => {
      const options = { timeoutMs: 400, waitReplicas: 1 };
      const { store, client, server } = await setUp(connect, options, "--repl-diskless-sync-delay", "0");
      const [leases, alone] = [store.project("project"), redisLeaseStore(client).project("project")];
      await look(leases);
      const wanted = want();
      await expect(leases.acquire(wanted)).rejects.toThrow("reached 0 of 1 replicas");
      const { slot } = await ask(alone, "create", wanted);
      const replica = await startRedis("--replicaof", `127.0.0.1 ${server.port}`);
      onTestFinished(replica.stop);
      await vi.waitFor(async () => expect(await leases.acquire(wanted)).toMatchObject({ slot }), 15_000);
    });

    it("keeps stores with different prefixes apart", async () => {
      const { client } = await setUp(connect);
      const [one, other] = ["one", "other"].map((prefix) => redisLeaseStore(client, { prefix }));
      await look((one as LeaseStore).project("project"));
      expect(await one?.project("project").acquire(want())).toMatchObject({ kind: "create" });
      expect(await other?.project("project").acquire(want())).toEqual({ kind: "unready" });
    });
  });

  it("works on a node of a cluster", async () => {
    const { store, command } = await setUp(nodeRedis, {}, "--cluster-enabled", "yes");
    await command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    const isUp = async () => expect(String(await command("CLUSTER", "INFO"))).toContain("cluster_state:ok");
    await vi.waitFor(isUp, 10_000);
    await liveThroughMuch(store.project("project"));
    const slots = (await keysOf(command)).map((key) => command("CLUSTER", "KEYSLOT", key));
    expect(new Set(await Promise.all(slots)).size).toBe(1);
    await store.unlock("name", (await store.lock("name", LONG)) ?? "");
  });

  it("reads the answers of a client that gives buffers for texts", async () => {
    const { server } = await setUp(nodeRedis);
    const typeMapping = { [RESP_TYPES.BLOB_STRING]: Buffer };
    const client = createClient({ url: server.url, commandOptions: { typeMapping } });
    await client.connect();
    onTestFinished(() => client.destroy());
    const leases = redisLeaseStore(client).project("project");
    await look(leases);
    const { slot, token } = await open(leases, { shape: "shape" });
    expect(await leases.release(slot, token, KEEP)).toBe("idle");
    expect(await leases.slots()).toMatchObject([{ slot, state: "idle" }]);
    await ask(leases, "reuse", want({ shape: "shape" }));
  });

  it("shows no password when the server does not let the client in", async () => {
    const connect = (server: RedisServer) => ioredis(server, { password: "wrong-secret" });
    const { store } = await setUp(connect, { timeoutMs: 500 }, "--requirepass", "right-secret");
    const error = await store
      .project("project")
      .counts()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LeaseStoreError);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("secret");
  });
});

describe("redisLeaseStore without a server", () => {
  it("shows no address in an error, and no more of the client's own error than its words", async () => {
    const reason = Object.assign(new Error("connect redis://user:secret@host:1 failed"), {
      command: ["AUTH", "secret"],
    });
    const store = redisLeaseStore({ sendCommand: () => Promise.reject(reason) });
    const error = await store
      .project("project")
      .counts()
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ message: expect.stringContaining("connect (address) failed"), code: "lease_store" });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("secret");
  });

  it("takes back a command that waited too long in the client, so that it is not sent later", async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const sendCommand = (_: readonly string[], options?: { readonly abortSignal?: AbortSignal }) => {
      signals.push(options?.abortSignal);
      return new Promise(quiet);
    };
    await expect(redisLeaseStore({ sendCommand }, { timeoutMs: 20 }).lock("name", LONG)).rejects.toThrow(
      "within 20 ms",
    );
    expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
  });

  it("does without waking when the client cannot be duplicated", () => {
    const unwatch = redisLeaseStore({ sendCommand: async () => null })
      .project("project")
      .watch("pool-1", quiet);
    expect(unwatch).not.toThrow();
  });

  it.each(["", "a{b", "}"])("refuses the prefix %j, which would scatter the keys", (prefix) => {
    expect(() => redisLeaseStore({ sendCommand: async () => null }, { prefix })).toThrow(InvalidInputError);
  });

  it("refuses clients that it does not know, and options that nobody reads", () => {
    expect(() => redisLeaseStore({} as never)).toThrow("node-redis (createClient) or ioredis (new Redis)");
    expect(() => redisLeaseStore(undefined as never)).toThrow(InvalidInputError);
    const misspelled = { prefixes: "a" } as RedisLeaseStoreOptions;
    expect(() => redisLeaseStore({ sendCommand: async () => null }, misspelled)).toThrow('no option "prefixes"');
    expect(() => redisLeaseStore({ sendCommand: async () => null }, { timeoutMs: 0 })).toThrow("timeoutMs must be");
    expect(() => redisLeaseStore({ sendCommand: async () => null }, { waitReplicas: -1 })).toThrow(
      "waitReplicas must be",
    );
  });
});

/** Goes through all states once, and leaves one slot in each that needs no holder. */
async function liveThroughMuch(leases: ReturnType<LeaseStore["project"]>): Promise<void> {
  await look(leases, [{ id: "stray" }]);
  const changes = { cap: 9, key: "key", profileId: "profile", shape: "shape" };
  const first = await open(leases, changes);
  const waiting = want({ ...changes, token: "waiting" });
  await ask(leases, "wait", waiting);
  await leases.leave("waiting");
  await leases.release(first.slot, first.token, KEEP);
  const again = want(changes);
  const { slot } = await ask(leases, "reuse", again);
  await leases.release(slot, again.token, KEEP);
  const stopping = await open(leases, { cap: 9 });
  await leases.release(stopping.slot, stopping.token, { ...KEEP, to: "stop" });
  const lost = want({ cap: 9, profileId: "other" });
  await leases.createFailed((await ask(leases, "create", lost)).slot, lost.token, { outcome: "unknown" });
  const refused = want({ cap: 9 });
  const full = { outcome: "full", shrinkMs: LONG } as const;
  await leases.createFailed((await ask(leases, "create", refused)).slot, refused.token, full);
  await leases.strayStopped("v3", "stray");
}

/** Opens this many sessions and leaves them idle. */
async function idleOf(leases: ReturnType<LeaseStore["project"]>, count: number): Promise<void> {
  const opening = Array.from({ length: count }, () => open(leases, { cap: 5_000, shape: "shape" }, LONG * 9));
  const opened = await Promise.all(opening.map((lease) => lease.catch(() => undefined)));
  await Promise.all(opened.map((lease) => lease && leases.release(lease.slot, lease.token, KEEP)));
  expect((await leases.counts()).idle).toBeGreaterThan(count / 2);
}

async function keysOf(command: TestClient["command"]): Promise<string[]> {
  const keys = await command("KEYS", "*");
  return Array.isArray(keys) ? keys.map(String) : [];
}

/** How many commands the server has run, those of scripts included. */
async function callsOf(command: TestClient["command"]): Promise<number> {
  const stats = String(await command("INFO", "commandstats"));
  return [...stats.matchAll(/calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

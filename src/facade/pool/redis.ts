import { checkCount, checkMs, refuseUnknown } from "../call/check.ts";
import { InvalidInputError, LeaseStoreError } from "../errors.ts";
import {
  type Claim,
  type CreateFailure,
  type Grant,
  KEY_MEMORY_MS,
  type LeaseCounts,
  type LeaseStore,
  type Pass,
  type ProjectLeases,
  type Reaped,
  type Reconciled,
  type ReleaseTerms,
  type SlotView,
  type Want,
} from "./lease-store.ts";
import { claimOf, countsOf, grantOf, listOf, strayOf, textsOf, viewsOf } from "./redis-answers.ts";
import { type RedisClient, redisLink } from "./redis-client.ts";
import { checkMemoryPolicy, commandsOf, type RunScript, type SendCommand, scriptRunner } from "./redis-commands.ts";
import { scripts as ownScripts, type ScriptName } from "./redis-scripts.ts";
import { WakeLine } from "./redis-wake.ts";

/** How a store in Redis is set up. */
export interface RedisLeaseStoreOptions {
  /** What the names of all keys begin with. Stores with one prefix on one Redis are one store. Default: `"browser-use"`. */
  readonly prefix?: string | undefined;
  /** How long one command may take, in milliseconds, the wait for a connection included. Default: 5,000. */
  readonly timeoutMs?: number | undefined;
  /**
   * How many replicas must have a grant before it counts (`WAIT`): with one, a failover loses no lease that was granted. Fewer is a
   * {@link LeaseStoreError}. Default: 0, nobody waits.
   */
  readonly waitReplicas?: number | undefined;
}

/**
 * Keeps slots in a Redis that all processes share, so that together they keep to the project's cap, lend no session twice and let
 * one session write a profile. Redis 5 or later, or what speaks like it, with `maxmemory-policy noeviction`.
 *
 * The client is the caller's: connect it before, give it an `"error"` listener, close it after the pools. What the store keeps
 * there may be logged: ids, hashes and random tokens. Every method rejects with {@link LeaseStoreError} when Redis fails or is late.
 *
 * @throws {@link InvalidInputError} when the client is of another library, or an option is wrong.
 */
export function redisLeaseStore(client: RedisClient, options: RedisLeaseStoreOptions = {}): LeaseStore {
  return redisLeases(client, options, ownScripts);
}

/** The same with scripts of the caller's: tests plant mistakes in them. */
export function redisLeases(
  client: RedisClient,
  { prefix = "browser-use", timeoutMs, waitReplicas, ...unknown }: RedisLeaseStoreOptions,
  scripts: Readonly<Record<ScriptName, string>>,
): LeaseStore {
  refuseUnknown(unknown, "redisLeaseStore()");
  // Braces would move the hash tag, and with it keys to other nodes of a cluster.
  if (!/^[^{}]+$/.test(prefix)) throw new InvalidInputError("prefix must be a text without braces, and not empty.");
  const link = redisLink(client);
  const send = commandsOf(link, checkMs("timeoutMs", timeoutMs, 5_000));
  const wakeLine = new WakeLine(link);
  const run = checkedFirst(scriptRunner(send, scripts), () => checkMemoryPolicy(send));
  const settled = replicated(send, checkCount("waitReplicas", waitReplicas, 0), checkMs("timeoutMs", timeoutMs, 5_000));
  return {
    project: (id) => new RedisLeases(`{${prefix}:${id}}`, run, settled, wakeLine),
    lock: async (name, ttlMs) => {
      const token = crypto.randomUUID();
      const ttl = String(Math.ceil(ttlMs));
      const answer = await send("lock", "SET", `{${prefix}:lock}:${name}`, token, "NX", "PX", ttl);
      return answer === null ? undefined : token;
    },
    unlock: async (name, token) => {
      await run("unlock", `{${prefix}:lock}:${name}`, token);
    },
  };
}

/** Checks before the first script, and again while the check itself fails. */
function checkedFirst(run: RunScript, check: () => Promise<void>): RunScript {
  let checked: Promise<void> | undefined;
  return async (...script) => {
    checked ??= check().catch((error: unknown) => {
      checked = undefined;
      throw error;
    });
    await checked;
    return run(...script);
  };
}

/** Waits until so many replicas have what was written before. */
function replicated(send: SendCommand, replicas: number, timeoutMs: number): () => Promise<void> {
  return async () => {
    if (replicas === 0) return;
    const reached = Number(await send("WAIT", "WAIT", String(replicas), String(Math.ceil(timeoutMs / 2))));
    if (reached >= replicas) return;
    throw new LeaseStoreError(`The grant reached ${reached} of ${replicas} replicas of Redis in time. Ask again.`);
  };
}

/** Each method is one script: what it does is told in `redis-scripts.ts`. */
class RedisLeases implements ProjectLeases {
  readonly #tag: string;
  readonly #script: RunScript;
  readonly #settled: () => Promise<void>;
  readonly #wakeLine: WakeLine;

  constructor(tag: string, script: RunScript, settled: () => Promise<void>, wakeLine: WakeLine) {
    this.#tag = tag;
    this.#script = script;
    this.#settled = settled;
    this.#wakeLine = wakeLine;
  }

  async acquire(want: Want): Promise<Grant> {
    const profile = want.profileId?.toLowerCase();
    // Scripts have no source of randomness: names that may be needed are brought along.
    const names = { slot: crypto.randomUUID(), space: crypto.randomUUID(), channel: this.#channel(want.holder) };
    const grant = grantOf(await this.#run("acquire", { ...want, profile, ...names }));
    if (grant.kind === "reuse" || grant.kind === "create") await this.#settled();
    return grant;
  }

  async leave(token: string): Promise<void> {
    await this.#run("leave", { token });
  }

  async attach(
    slot: string,
    token: string,
    sid: string,
    { leaseMs, lifeMs }: { readonly leaseMs: number; readonly lifeMs: number },
  ): Promise<boolean> {
    const terms = { leaseMs, lifeMs, keyMemoryMs: KEY_MEMORY_MS };
    return Number(await this.#run("attach", { slot, token, sid, ...terms })) === 1;
  }

  async createFailed(slot: string, token: string, failure: CreateFailure): Promise<void> {
    await this.#run("createFailed", { slot, token, ...failure });
  }

  async renew(
    leases: readonly { readonly slot: string; readonly token: string }[],
    leaseMs: number,
  ): Promise<readonly string[]> {
    if (leases.length === 0) return [];
    const named = leases.map(({ slot, token }) => ({ slot, token }));
    return textsOf(await this.#run("renew", { leases: named, leaseMs }));
  }

  async release(slot: string, token: string, terms: ReleaseTerms): Promise<"idle" | "stop" | "lost"> {
    const { to, idleMs, maxUses, stopMs } = terms;
    const answer = String(await this.#run("release", { slot, token, to, idleMs, maxUses, stopMs }));
    return answer === "idle" || answer === "stop" ? answer : "lost";
  }

  async stopped(slot: string): Promise<void> {
    await this.#run("stopped", { slot });
  }

  async reap(kind: string, limit: number, stopMs: number): Promise<Reaped> {
    const [claims, unknown] = listOf(await this.#run("reap", { kind, limit, stopMs }));
    return { claims: listOf(claims).map(claimOf), unknown: textsOf(unknown) };
  }

  async claimIdle(kind: string, holder: string, stopMs: number): Promise<readonly Claim[]> {
    return listOf(await this.#run("claimIdle", { kind, holder, stopMs })).map(claimOf);
  }

  async beginPass(kind: string, everyMs: number): Promise<number | undefined> {
    const startedAt = await this.#run("beginPass", { kind, everyMs });
    return startedAt === null ? undefined : Number(startedAt);
  }

  async reconcile({ kind, startedAt, live, graceMs, exclusive }: Pass): Promise<Reconciled> {
    const seen = live.map(({ id, mark }) => ({ id, mark }));
    const [strays, freed] = listOf(await this.#run("reconcile", { kind, startedAt, live: seen, graceMs, exclusive }));
    return { strays: listOf(strays).map(strayOf), freed: textsOf(freed) };
  }

  async strayStopped(kind: string, sid: string): Promise<void> {
    await this.#run("strayStopped", { kind, sid });
  }

  async isProfileHeld(profileId: string): Promise<boolean> {
    return Number(await this.#run("isProfileHeld", { profile: profileId.toLowerCase() })) === 1;
  }

  async counts(): Promise<LeaseCounts> {
    return countsOf(await this.#run("counts", {}));
  }

  async slots(): Promise<readonly SlotView[]> {
    return viewsOf(await this.#run("slots", {}));
  }

  watch(holder: string, wake: (token: string) => void): () => void {
    return this.#wakeLine.watch(this.#channel(holder), wake);
  }

  #run(name: ScriptName, args: object): Promise<unknown> {
    return this.#script(name, this.#tag, JSON.stringify(args));
  }

  #channel(holder: string): string {
    return `${this.#tag}:wake:${holder}`;
  }
}

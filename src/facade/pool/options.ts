import { checkCount, checkMs, refuseUnknown } from "../call/check.ts";
import { InvalidInputError } from "../errors.ts";
import type { ProfileAccess } from "../profile-guard.ts";
import type { PoolEvent } from "./events.ts";
import type { LeaseStore } from "./lease-store.ts";

/** How a pool behaves. Pools that share a store should be given the same. */
export interface PoolOptions {
  /**
   * How many sessions of the project may be live at once, over all kinds and processes. Default: the account's own cap, asked for
   * when the pool is first used and every ten minutes.
   */
  readonly maxSessions?: number | undefined;
  /** Where sessions are counted. Default: the client's `leaseStore`, else this process's memory, shared by all pools of one client. */
  readonly store?: LeaseStore | undefined;
  /** Names the project in the store. Default: the account's project id. */
  readonly project?: string | undefined;
  /**
   * `"exclusive"`: nobody but pools on this store opens sessions of this kind in the project, so that one on nobody's record is a leak
   * and is stopped. `"shared"`: others may, so that it is reported. Default: `"shared"`.
   */
  readonly ownership?: "shared" | "exclusive" | undefined;
  /** How long a session waits for its key or group before it is stopped, in milliseconds. The service ends it after 15 minutes. Default: 4 minutes. */
  readonly idleTimeoutMs?: number | undefined;
  /** How long a session is used at most, in milliseconds, less up to 5 % at random. Default: three quarters of what the service allows, 3 hours for agent sessions. */
  readonly maxLifeMs?: number | undefined;
  /** How often a session is lent at most. Default: 20. */
  readonly maxUses?: number | undefined;
  /** How many may wait at once, over all processes. Default: 100. */
  readonly maxWaiters?: number | undefined;
  /** `"exclusive"`: one live session per profile, over all processes; `"shared"`: let the last stop win. Default: `"exclusive"`. */
  readonly profileAccess?: ProfileAccess | undefined;
  /**
   * When a session with a profile is stopped, which is what saves the profile. `"on-release"`: at the end of each lease. `"on-idle"`:
   * kept warm for the same key or group, and saved when its idle time ends. Default: `"on-release"`.
   */
  readonly saveProfile?: "on-release" | "on-idle" | undefined;
  /** How long a profile stays locked after its session's end was confirmed, in milliseconds. Default: 0. */
  readonly profileSettleMs?: number | undefined;
  /** How long a lease holds without being renewed, in milliseconds; it is renewed three times as often. Default: 30,000. */
  readonly leaseMs?: number | undefined;
  /** After how long the outcome of an opening counts as unknown, in milliseconds. Default: 60,000. */
  readonly createTimeoutMs?: number | undefined;
  /**
   * How long an opening of unknown outcome holds its slot and profile, in milliseconds. Default: 4 minutes with exclusive ownership;
   * else as long as a session can live that nobody knows of: 20 minutes for agent sessions.
   */
  readonly holdMs?: number | undefined;
  /** How long a live session must be on nobody's record to count as a stray, in milliseconds; more than `createTimeoutMs`. Default: 90,000. */
  readonly graceMs?: number | undefined;
  /** After how long another process may try to stop a session whose stop is under way, in milliseconds. Default: 45,000 and `profileSettleMs`. */
  readonly stopRetryMs?: number | undefined;
  /** How often this process looks for what is overdue, in milliseconds, ±20 %. Default: 5,000. */
  readonly reapIntervalMs?: number | undefined;
  /** How often the fleet compares its record with the service's list, in milliseconds. Default: 60,000. */
  readonly reconcileIntervalMs?: number | undefined;
  /** After how long a lease is reported as a likely leak, in milliseconds. Default: 10 minutes. */
  readonly leakWarningMs?: number | undefined;
  /** Told of what happens. What it throws is ignored. Default: leaks and failed stops become process warnings. */
  readonly onEvent?: ((event: PoolEvent) => void) | undefined;
}

type Defaulted = Exclude<keyof PoolOptions, "maxSessions" | "store" | "project" | "maxLifeMs" | "holdMs" | "onEvent">;

/** Options with their defaults. */
export type PoolSettings = Readonly<Required<{ [K in Defaulted]: NonNullable<PoolOptions[K]> }>> &
  Pick<PoolOptions, "maxSessions" | "store" | "project" | "maxLifeMs" | "holdMs" | "onEvent">;

const MINUTE_MS = 60_000;

/**
 * Fills in the defaults.
 *
 * @throws {@link InvalidInputError} for options that cannot be right.
 */
export function poolSettings(options: PoolOptions): PoolSettings {
  const { maxSessions, store, project, ownership, profileAccess, saveProfile, onEvent, ...rest } = options;
  const { idleTimeoutMs, maxLifeMs, maxUses, maxWaiters, profileSettleMs, leaseMs, ...more } = rest;
  const { createTimeoutMs, holdMs, graceMs, stopRetryMs, reapIntervalMs, reconcileIntervalMs, ...last } = more;
  const { leakWarningMs, ...unknown } = last;
  refuseUnknown(unknown, "SessionPool");
  if (maxSessions !== undefined && checkCount("maxSessions", maxSessions, 1) < 1) throw atLeastOne("maxSessions");
  if (maxUses !== undefined && checkCount("maxUses", maxUses, 1) < 1) throw atLeastOne("maxUses");
  if (store != null && typeof store.project !== "function") {
    throw new InvalidInputError("store must be a lease store, such as redisLeaseStore(client) gives.");
  }
  if (project === "") throw new InvalidInputError("project must not be empty.");
  if (onEvent != null && typeof onEvent !== "function") throw new InvalidInputError("onEvent must be a function.");
  const settleMs = profileSettleMs === 0 ? 0 : checkMs("profileSettleMs", profileSettleMs, 0);
  const settings: PoolSettings = {
    maxSessions,
    store,
    project,
    onEvent,
    ownership: oneOf("ownership", ownership, ["shared", "exclusive"]),
    profileAccess: oneOf("profileAccess", profileAccess, ["exclusive", "shared"]),
    saveProfile: oneOf("saveProfile", saveProfile, ["on-release", "on-idle"]),
    idleTimeoutMs: checkMs("idleTimeoutMs", idleTimeoutMs, 4 * MINUTE_MS),
    maxLifeMs: maxLifeMs === undefined ? undefined : checkMs("maxLifeMs", maxLifeMs, 1),
    maxUses: maxUses ?? 20,
    maxWaiters: checkCount("maxWaiters", maxWaiters, 100),
    profileSettleMs: settleMs,
    leaseMs: checkMs("leaseMs", leaseMs, 30_000),
    createTimeoutMs: checkMs("createTimeoutMs", createTimeoutMs, MINUTE_MS),
    holdMs: holdMs === undefined ? undefined : checkMs("holdMs", holdMs, 1),
    graceMs: checkMs("graceMs", graceMs, 90_000),
    stopRetryMs: checkMs("stopRetryMs", stopRetryMs, 45_000 + settleMs),
    reapIntervalMs: checkMs("reapIntervalMs", reapIntervalMs, 5_000),
    reconcileIntervalMs: checkMs("reconcileIntervalMs", reconcileIntervalMs, MINUTE_MS),
    leakWarningMs: checkMs("leakWarningMs", leakWarningMs, 10 * MINUTE_MS),
  };
  if (settings.graceMs <= settings.createTimeoutMs) {
    throw new InvalidInputError("graceMs must be more than createTimeoutMs: what is still being opened is no stray.");
  }
  return settings;
}

function oneOf<T extends string>(name: string, value: T | undefined, choices: readonly [T, T]): T {
  if (value === undefined) return choices[0];
  if (choices.includes(value)) return value;
  throw new InvalidInputError(`${name} must be ${choices.map((choice) => JSON.stringify(choice)).join(" or ")}.`);
}

function atLeastOne(name: string): InvalidInputError {
  return new InvalidInputError(`${name} must be at least 1.`);
}

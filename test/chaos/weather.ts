import { TIMES } from "./protocol.ts";
import type { Faults, VendorOptions } from "./vendor.ts";

export const CAP = 6;
export const PROFILES: readonly string[] = ["p1", "p2", "p3"];

/** From a grant to its create, in a process that was paused or blocked meanwhile. */
export const SETTLE_MS: number = 3 * TIMES.leaseMs;
/** What a stop takes with its retries, when the vendor is well again. */
export const STOP_MS = 3_000;
/** For two cores that run eleven processes. */
export const SLACK_MS = 3_000;
/** I4: until nothing lives, once somebody reaps. */
export const EMPTY_VENDOR_MS: number =
  Math.max(TIMES.leaseMs, TIMES.idleTimeoutMs, TIMES.stopRetryMs) +
  TIMES.createTimeoutMs +
  TIMES.graceMs +
  STOP_MS +
  SLACK_MS;
/** I4: from then until nothing is on record. */
export const EMPTY_STORE_MS: number = TIMES.holdMs + 2 * TIMES.reconcileIntervalMs + TIMES.graceMs + SLACK_MS;

/** How many sessions die by themselves. */
export const DEATHS = 0.03;
/** Bad weather at the vendor. */
export const FAULTS: Faults = {
  createLost: 0.04,
  createLate: 0.03,
  create502: 0.03,
  create500: 0.03,
  stop502: 0.1,
  stopLost: 0.05,
  stopSlow: 0.1,
  taskLost: 0.02,
};

/** The vendor in fair weather. */
export const CALM_VENDOR: Omit<VendorOptions, "seed"> = {
  cap: CAP,
  profiles: PROFILES,
  startMs: [30, 150],
  taskMs: [30, 250],
  stopMs: [20, 80],
  idleLifeMs: 18_000,
  listLagMs: [0, 300],
  lateMs: TIMES.createTimeoutMs + 300,
};

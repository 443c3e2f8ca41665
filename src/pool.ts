/// <reference lib="esnext.disposable" preserve="true" />
export type { PoolEvent } from "./facade/pool/events.ts";
export type { Reaping } from "./facade/pool/keeper.ts";
export type { Lease, ReleaseOptions } from "./facade/pool/lease.ts";
export type * from "./facade/pool/lease-store.ts";
export { memoryLeaseStore } from "./facade/pool/memory.ts";
export type { PoolOptions } from "./facade/pool/options.ts";
export {
  type AcquireOptions,
  type AcquireRequest,
  type PoolKey,
  type PoolStats,
  SessionPool,
} from "./facade/pool/pool.ts";
export type {
  Hold,
  OpenFailure,
  Phase,
  PoolSource,
  Reservation,
  Seen,
  SessionPlan,
  SessionPort,
  SharedStores,
} from "./facade/pool/session-port.ts";

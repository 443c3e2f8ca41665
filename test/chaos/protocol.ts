import type { MutantName } from "./mutants.ts";

/** What a worker process is started with. */
export interface WorkerConfig {
  readonly name: string;
  readonly seed: number;
  readonly baseUrl: string;
  readonly redisUrl: string;
  readonly client: "redis" | "ioredis";
  readonly times: PoolTimes;
  readonly ownership: "exclusive" | "shared";
  readonly saveProfile: "on-release" | "on-idle";
  readonly cap: number;
  /** `storm`: runs tickets from its seed until it is told to stop. `told`: does what it is told, step by step. */
  readonly mode: "storm" | "told";
  readonly profiles: readonly string[];
  /** How many tickets at the same time. */
  readonly lanes: number;
  readonly mix: Mix;
  /** How many tickets do not let their process breathe for longer than the lease, and go on. */
  readonly blocks: number;
  /** Whether a holder whose lease is over goes on beside the pool, as a request in flight would. */
  readonly zombies: boolean;
  /** The mistake that is planted in its store. */
  readonly mutant?: MutantName | undefined;
}

/** What tickets ask for. `all`: a bit of everything. `group`: all the same, so that every session is lent again. `profiles`: one of three. */
export type Mix = "all" | "group" | "profiles";

/** The pool's times in the small: about a fiftieth of its defaults. */
export interface PoolTimes {
  readonly leaseMs: number;
  readonly createTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly holdMs: number;
  readonly graceMs: number;
  readonly stopRetryMs: number;
  readonly reapIntervalMs: number;
  readonly reconcileIntervalMs: number;
}

export const TIMES: PoolTimes = {
  leaseMs: 900,
  createTimeoutMs: 1_500,
  idleTimeoutMs: 2_000,
  holdMs: 4_000,
  graceMs: 1_800,
  stopRetryMs: 2_000,
  reapIntervalMs: 150,
  reconcileIntervalMs: 300,
};

/** How long one command to the store may take. */
export const STORE_TIMEOUT_MS = 1_000;

/** What a ticket asks its pool for. */
export interface TicketRequest {
  readonly key?: string;
  readonly group?: string;
  readonly profileId?: string;
}

/** What a worker tells while it works. */
export type Report =
  | { readonly type: "ready" }
  | { readonly type: "asked"; readonly lease: string; readonly request: TicketRequest }
  | {
      readonly type: "granted";
      readonly lease: string;
      readonly session: string;
      readonly fence: number;
      readonly waitedMs: number;
    }
  | {
      readonly type: "unserved";
      readonly lease: string;
      readonly error: string;
      readonly why: string;
      readonly waitedMs: number;
    }
  /** The vendor has said that a task is done. */
  | { readonly type: "confirmed"; readonly session: string; readonly mark: string }
  /** Its session ended under a lease that still holds. */
  | { readonly type: "robbed"; readonly lease: string; readonly session: string; readonly error: string }
  | { readonly type: "event"; readonly name: string; readonly event: string }
  /** What no lease and no fault explains. */
  | { readonly type: "fault"; readonly what: string }
  | { readonly type: "closed" }
  | { readonly type: "answer"; readonly id: number; readonly value?: unknown; readonly error?: Told };

/** An error on its way between processes. */
export interface Told {
  readonly name: string;
  readonly message: string;
}

/** What a worker that is told what to do can be told. */
export type Step =
  | { readonly do: "acquire"; readonly lease: string; readonly request: TicketRequest; readonly waitTimeoutMs: number }
  | { readonly do: "run"; readonly lease: string; readonly mark: string }
  /** Past the pool, with the fence of a lease. */
  | { readonly do: "zombie"; readonly lease: string; readonly mark: string }
  | { readonly do: "release"; readonly lease: string };

export type Order = { readonly type: "stop" } | { readonly type: "step"; readonly id: number; readonly step: Step };

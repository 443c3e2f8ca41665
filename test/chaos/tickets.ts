import { setTimeout as sleep } from "node:timers/promises";
import {
  type BrowserUse,
  LeaseLostError,
  RunFailedError,
  SessionStoppedError,
  type V2OpenRequest,
  type V2Session,
} from "../../src/index.ts";
import type { Lease, SessionPool } from "../../src/pool.ts";
import { textOf } from "./origin.ts";
import type { Report, TicketRequest, WorkerConfig } from "./protocol.ts";
import type { Random } from "./random.ts";

export type Pool = SessionPool<V2OpenRequest, V2Session>;
type V2Lease = Lease<V2Session>;

/**
 * What a user of a session does. `throw`: leaves by an exception. `leave`: gives up waiting. `abort`: aborts a task. `forget`: gives
 * the session back while a task runs. `block`: does not let the process breathe for longer than the lease, and goes on.
 */
type Twist = "none" | "throw" | "leave" | "abort" | "forget" | "block";

interface Plan {
  readonly request: TicketRequest;
  readonly tasks: number;
  readonly twist: Twist;
}

const WAIT_MS = 30_000;
/** For timers that are due to run, so that the end of a lease is seen where it is. */
const BREATH_MS = 20;
const TWISTS: readonly [Twist, number][] = [
  ["throw", 0.08],
  ["leave", 0.08],
  ["abort", 0.1],
  ["forget", 0.08],
];

class OwnFault extends Error {}

/** Runs tickets, one after the other, as its numbers say. */
export class Lane {
  readonly #config: WorkerConfig;
  readonly #client: BrowserUse;
  readonly #pool: Pool;
  readonly #random: Random;
  readonly #tell: (report: Report) => void;
  readonly #name: string;
  #tickets = 0;

  constructor(
    config: WorkerConfig,
    name: string,
    parts: {
      readonly client: BrowserUse;
      readonly pool: Pool;
      readonly random: Random;
      readonly tell: (report: Report) => void;
    },
  ) {
    this.#config = config;
    this.#name = name;
    this.#client = parts.client;
    this.#pool = parts.pool;
    this.#random = parts.random;
    this.#tell = parts.tell;
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.#ticket(`${this.#config.name}.${this.#name}.${++this.#tickets}`, this.#plan());
      await sleep(this.#random.between(0, 30));
    }
  }

  #plan(): Plan {
    return { request: this.#request(), tasks: this.#random.between(1, 3), twist: this.#twist() };
  }

  /** Few shapes, so that sessions are lent again; keys and groups with and without a profile. */
  #request(): TicketRequest {
    if (this.#config.mix === "group") return { group: "g" };
    const random = this.#random;
    const [first = "", ...others] = this.#config.profiles;
    const profileId = random.pick([first, ...others]);
    if (this.#config.mix === "profiles") return { profileId };
    const kind = random.next();
    if (kind < 0.35) return { group: "g" };
    if (kind < 0.45) return { group: "g", profileId };
    if (kind < 0.6) return { key: `k-${profileId}`, profileId };
    if (kind < 0.7) return { key: `k${random.between(1, 3)}` };
    // The same key, whatever its browser was opened with.
    if (kind < 0.75) return { key: "k1", profileId };
    return kind < 0.9 ? { profileId } : {};
  }

  #twist(): Twist {
    if (this.#random.chance(this.#config.blocks)) return "block";
    let drawn = this.#random.next();
    for (const [twist, share] of TWISTS) {
      if (drawn < share) return twist;
      drawn -= share;
    }
    return "none";
  }

  async #ticket(id: string, plan: Plan): Promise<void> {
    const lease = await this.#acquire(id, plan);
    if (!lease) return;
    try {
      await this.#work(id, lease, plan);
    } catch (error) {
      await this.#explain(id, lease, error);
    } finally {
      await lease
        .release()
        .catch((error: unknown) => this.#tell({ type: "fault", what: `release: ${describe(error)}` }));
    }
  }

  async #acquire(id: string, { request, twist }: Plan): Promise<V2Lease | undefined> {
    const askedAt = performance.now();
    const waitedMs = () => Math.round(performance.now() - askedAt);
    const signal = twist === "leave" ? AbortSignal.timeout(this.#random.between(1, 400)) : undefined;
    this.#tell({ type: "asked", lease: id, request });
    try {
      const lease = await this.#pool.acquire(request, { waitTimeoutMs: WAIT_MS, ...(signal && { signal }) });
      const { session, fence } = lease;
      this.#tell({ type: "granted", lease: id, session: session.id, fence, waitedMs: waitedMs() });
      return lease;
    } catch (error) {
      const name = signal?.aborted ? "left" : nameOf(error);
      this.#tell({ type: "unserved", lease: id, error: name, why: describe(error), waitedMs: waitedMs() });
      return undefined;
    }
  }

  async #work(id: string, lease: V2Lease, { tasks, twist }: Plan): Promise<void> {
    for (let number = 1; number <= tasks; number++) {
      await sleep(this.#random.between(0, 40));
      if (number === tasks) await this.#twistOf(id, lease, twist);
      await this.#task(lease, id, `${id}.${number}`);
    }
  }

  async #twistOf(id: string, lease: V2Lease, twist: Twist): Promise<void> {
    const text = textOf({ ...this.#origin(lease, id), mark: `${id}.${twist}` });
    if (twist === "throw") throw new OwnFault();
    if (twist === "forget") {
      lease.session.run(text).catch(() => {});
      await sleep(this.#random.between(0, 40));
      throw new OwnFault();
    }
    if (twist === "abort") {
      const signal = AbortSignal.timeout(this.#random.between(1, 200));
      await lease.session.run(text, { signal }).catch(() => {});
    }
    if (twist !== "block") return;
    block(this.#config.times.leaseMs * (1.2 + this.#random.next()));
    // On the wire before any timer has the time to say that the lease is over.
    if (this.#config.zombies) await this.#haunt(id, lease);
  }

  async #task(lease: V2Lease, id: string, mark: string): Promise<void> {
    const { status } = await lease.session.run(textOf({ ...this.#origin(lease, id), mark }), {
      waitTimeoutMs: WAIT_MS,
    });
    if (status === "finished") this.#tell({ type: "confirmed", session: lease.session.id, mark });
  }

  #origin({ fence }: V2Lease, lease: string) {
    return { fence, worker: this.#config.name, lease, zombie: false };
  }

  /** An end of the session is to be expected only when the lease is over as well. */
  async #explain(id: string, lease: V2Lease, error: unknown): Promise<void> {
    if (error instanceof OwnFault) return;
    await sleep(BREATH_MS);
    const session = lease.session.id;
    const isEnd = error instanceof SessionStoppedError || error instanceof RunFailedError;
    if (isEnd && !lease.signal.aborted) this.#tell({ type: "robbed", lease: id, session, error: describe(error) });
    if (lease.signal.aborted && this.#config.zombies) await this.#haunt(id, lease);
    else if (error instanceof LeaseLostError && !lease.signal.aborted) {
      this.#tell({ type: "fault", what: `${id} lost its lease, and its signal does not tell` });
    }
  }

  /** Goes on past the pool, as a request would that was on its way when the process was paused. */
  async #haunt(id: string, lease: V2Lease): Promise<void> {
    const raw = this.#client.v2.sessions.attach(lease.session.id);
    for (let number = 1; number <= 2; number++) {
      const text = textOf({ ...this.#origin(lease, id), mark: `${id}.z${number}`, zombie: true });
      await raw.start(text, { maxRetries: 0 }).catch(() => {});
      await sleep(this.#random.between(0, 400));
    }
  }
}

/** The process does nothing else meanwhile. */
export function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : ` < ${describe(error.cause)}`;
  return `${error.name}: ${error.message}${cause}`;
}

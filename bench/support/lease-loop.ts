/** One process that acquires and releases warm sessions for a while, one after the other. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type LeaseStore, type ProjectLeases, SessionPool } from "../../src/pool.ts";
import { member } from "./crew.ts";
import { idlePort } from "./idle-port.ts";
import { connectStore, type Library } from "./redis.ts";
import { ask, KEEP, want } from "./wants.ts";

/** What a process of this program is told at its start. */
export interface LoopOrder {
  readonly url: string;
  readonly prefix: string;
  readonly library: Library;
  /** The store itself, or a pool over it whose sessions cost nothing. */
  readonly level: "store" | "pool";
}

/** What it is told to do, as often as one likes. */
export interface LoopTask {
  readonly forMs: number;
  /** Between two turns, ±50 %; 0 for as fast as it goes. */
  readonly pauseMs: number;
  /** A turn is two `PING`s, one after the other, instead of a lease: what the machine, the network and the client cost. */
  readonly isPing: boolean;
}

/** How long each turn took, in milliseconds, and all together. */
export interface LoopResult {
  readonly turns: readonly number[];
  readonly tookMs: number;
}

await member(async ({ url, prefix, library, level }: LoopOrder) => {
  const { store, ping } = await connectStore(url, prefix, library);
  const turn = level === "store" ? storeTurn(store.project("bench")) : poolTurn(store);
  const twoPings = async () => {
    await ping();
    await ping();
  };
  await turn();
  return (task: LoopTask) => loop(task.isPing ? twoPings : turn, task);
});

async function loop(turn: () => Promise<void>, { pauseMs, forMs }: LoopTask): Promise<LoopResult> {
  const turns: number[] = [];
  const begun = performance.now();
  while (performance.now() - begun < forMs) {
    if (pauseMs > 0) await sleep(pauseMs * (0.5 + Math.random()));
    const before = performance.now();
    await turn();
    turns.push(performance.now() - before);
  }
  return { turns, tookMs: performance.now() - begun };
}

function storeTurn(leases: ProjectLeases): () => Promise<void> {
  const holder = randomUUID();
  return async () => {
    const wanted = want({ holder });
    const { slot } = await ask(leases, "reuse", wanted);
    if ((await leases.release(slot, wanted.token, KEEP)) !== "idle") throw new Error("The lease was lost.");
  };
}

function poolTurn(store: LeaseStore): () => Promise<void> {
  const limits = { maxSessions: 1_000, project: "pool", maxUses: 1_000_000 };
  const pool = new SessionPool({ sessionPort: idlePort() }, { store, ...limits });
  return async () => {
    const lease = await pool.acquire({ group: "bench" });
    await lease.release();
  };
}

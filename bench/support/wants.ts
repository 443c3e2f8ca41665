import { randomUUID } from "node:crypto";
import type { Grant, ProjectLeases, ReleaseTerms, Want } from "../../src/pool.ts";

export const KIND = "bench";
const HOUR_MS = 3_600_000;

/** What a pool with the default options would ask, but that nothing ends by time within a measurement. */
export function want(changes: Partial<Want> = {}): Want {
  return {
    token: randomUUID(),
    holder: "bench",
    kind: KIND,
    shape: shapeOf("group"),
    exclusive: false,
    cap: 100_000,
    maxWaiters: 100,
    mayEvict: true,
    waiterMs: HOUR_MS,
    leaseMs: HOUR_MS,
    createMs: HOUR_MS,
    holdMs: HOUR_MS,
    stopMs: HOUR_MS,
    ...changes,
  };
}

export const KEEP: ReleaseTerms = { to: "idle", idleMs: HOUR_MS, maxUses: 1e9, stopMs: HOUR_MS };
export const STOP: ReleaseTerms = { ...KEEP, to: "stop" };
export const LIFE = { leaseMs: HOUR_MS, lifeMs: 4 * HOUR_MS } as const;

/** As long as the hash that a pool sends. */
export function shapeOf(name: string): string {
  return Buffer.from(name.padEnd(32, ".")).toString("hex").slice(0, 64);
}

/** A lease as its holder has it. */
export interface Held {
  readonly slot: string;
  readonly token: string;
}

type GrantOf<Kind extends Grant["kind"]> = Extract<Grant, { readonly kind: Kind }>;

/** Asks, and fails at any other answer. */
export async function ask<Kind extends Grant["kind"]>(
  leases: ProjectLeases,
  kind: Kind,
  wanted: Want,
): Promise<GrantOf<Kind>> {
  const grant = await leases.acquire(wanted);
  if (grant.kind === kind) return grant as GrantOf<Kind>;
  throw new Error(`Expected ${kind}, got ${JSON.stringify(grant)}.`);
}

/** Without a look at the vendor, a store grants nothing. */
export async function look(leases: ProjectLeases): Promise<void> {
  const startedAt = await leases.beginPass(KIND, 0);
  if (startedAt === undefined) throw new Error("Somebody else looks at the vendor.");
  await leases.reconcile({ kind: KIND, startedAt, live: [], graceMs: 90_000, exclusive: false });
}

/** Has a new session, as after an opening. */
export async function open(leases: ProjectLeases, changes: Partial<Want> = {}): Promise<Held> {
  const wanted = want(changes);
  const { slot } = await ask(leases, "create", wanted);
  const { token } = wanted;
  if (!(await leases.attach(slot, token, randomUUID(), LIFE))) throw new Error("The lease was gone at once.");
  return { slot, token };
}

/** Opens so many sessions and leaves them idle. */
export async function fillIdle(leases: ProjectLeases, count: number, changes: Partial<Want> = {}): Promise<void> {
  const held: Held[] = [];
  for (let i = 0; i < count; i++) held.push(await open(leases, changes));
  for (const { slot, token } of held) await leases.release(slot, token, KEEP);
}

/** Does `work` so often, a few at a time. */
export async function inParallel(count: number, atOnce: number, work: (index: number) => Promise<unknown>) {
  let next = 0;
  const lane = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

import { afterEach, beforeEach, expect, vi } from "vitest";
import { type PoolEvent, type PoolOptions, SessionPool } from "../../../src/pool.ts";
import { FakeClient, type FakeRequest, type FakeSession, FakeVendor } from "./fake-port.ts";

const turn = setImmediate;
const LONGEST_MS = 2 * 60 * 60_000;
let hashing = 0;
let hashMs = 0;
let stalledMs = 0;
const pools: {
  readonly pool: Pick<AsyncDisposable, typeof Symbol.asyncDispose>;
  readonly vendor?: FakeVendor | undefined;
}[] = [];
const leftByDesign = new WeakSet<FakeVendor>();

/**
 * Time stands still until a test moves it. At the end of a test its pools are closed; then no timer may be left, no session may be
 * live, and the vendor must have seen nothing that must not be.
 */
export function useStillTime(): void {
  beforeEach(() => {
    vi.useFakeTimers();
    stalledMs = 0;
    const now = performance.now.bind(performance);
    vi.spyOn(performance, "now").mockImplementation(() => now() + stalledMs);
    countHashes();
  });
  afterEach(async () => {
    const closing = pools.splice(0);
    for (const { pool } of closing) await during(Promise.resolve(pool[Symbol.asyncDispose]()));
    await still();
    const left = vi.getTimerCount();
    vi.restoreAllMocks();
    vi.useRealTimers();
    expect(left, "timers that nobody cleared").toBe(0);
    for (const { vendor } of closing) {
      expect(vendor?.mistakes ?? [], "what must not be").toEqual([]);
      if (vendor && !leftByDesign.has(vendor)) expect([...vendor.live.keys()], "sessions left behind").toEqual([]);
    }
  });
}

/** Hashing is the one thing here that takes real time: it is waited for, so that it takes none of the test's. */
function countHashes(): void {
  const digest = crypto.subtle.digest.bind(crypto.subtle);
  hashMs = 0;
  vi.spyOn(crypto.subtle, "digest").mockImplementation(async (...args) => {
    if (hashMs > 0) await new Promise((resolve) => setTimeout(resolve, hashMs));
    hashing += 1;
    return digest(...args).finally(() => {
      hashing -= 1;
    });
  });
}

/** From now on hashing takes this much of the test's time. */
export function hashSlowly(ms: number): void {
  hashMs = ms;
}

/** Until nothing more happens without time. */
export async function still(): Promise<void> {
  for (let turns = 0; turns < 4; turns = hashing > 0 ? 0 : turns + 1) await new Promise((resolve) => turn(resolve));
}

/** Lets time pass, with all that happens in it. */
export async function pass(ms: number): Promise<void> {
  await during(new Promise<void>((resolve) => setTimeout(resolve, ms)), ms + 1);
}

/** Lets time pass, from timer to timer, until the promise settles. */
export async function during<T>(promise: Promise<T>, longestMs: number = LONGEST_MS): Promise<T> {
  const control = { settled: false };
  const settle = () => {
    control.settled = true;
  };
  promise.then(settle, settle);
  const begun = performance.now();
  for (;;) {
    await still();
    if (control.settled) return promise;
    if (vi.getTimerCount() === 0 || performance.now() - begun > longestMs) throw new Error("It never settles.");
    vi.advanceTimersToNextTimer();
  }
}

/** The event loop stands still: the clock goes on, and no timer is heard. */
export function stall(ms: number): void {
  stalledMs += ms;
}

/** Whether a promise has settled by now. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => {
      settled = true;
    },
    () => {
      settled = true;
    },
  );
  await still();
  return settled;
}

/** What a promise rejects with, in the time it takes. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  const settled = await during(
    promise.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    ),
  );
  if ("error" in settled) return settled.error;
  throw new Error("Expected a rejection.");
}

/** A pool, the process it is in, its vendor, and what it has told. */
export interface Kit {
  readonly vendor: FakeVendor;
  readonly client: FakeClient;
  readonly pool: SessionPool<FakeRequest, FakeSession>;
  readonly events: PoolEvent[];
  /** The types of all events, in order. */
  readonly told: () => string[];
}

/** What a pool of a test may be given beside its options. */
export interface Place {
  readonly vendor?: FakeVendor;
  readonly client?: FakeClient;
  readonly kind?: string;
}

/** Makes a pool that is closed at the end of the test. */
export function kit(options: PoolOptions = {}, { vendor: given, client: own, kind }: Place = {}): Kit {
  const vendor = own?.vendor ?? given ?? new FakeVendor();
  const client = own ?? new FakeClient(vendor);
  const events: PoolEvent[] = [];
  const pool = new SessionPool(client.source(kind), { onEvent: (event) => events.push(event), ...options });
  pools.push({ pool, vendor });
  return { vendor, client, pool, events, told: () => events.map(({ type }) => type) };
}

/** Closes something at the end of the test. */
export function closeLater(pool: Pick<AsyncDisposable, typeof Symbol.asyncDispose>): void {
  pools.push({ pool });
}

/** Says that the vendor of this test rightly has sessions left. */
export function mayLeave(vendor: FakeVendor): void {
  leftByDesign.add(vendor);
}

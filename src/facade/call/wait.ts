import { onAbort } from "./on-abort.ts";

const LONGEST_TIMER_MS = 2_147_483_647;

/** What ends an attempt at its time limit; a class of its own, so that a timeout of the caller's `fetch` is told apart. */
export class LimitReached extends DOMException {
  constructor() {
    super("The time limit is reached", "TimeoutError");
  }
}

/** Resolves after the time, or rejects with the signal's own reason. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stay = onAbort(signal, () => {
      clearTimeout(timer);
      reject(signal?.reason);
    });
    const wake = () => {
      stay();
      resolve();
    };
    const timer = setTimeout(wake, Math.min(ms, LONGEST_TIMER_MS));
  });
}

/** Settles as the promise does, unless the signal aborts first: then it rejects with the signal's own reason. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    const stay = onAbort(signal, stop);
    promise.then(resolve, reject).finally(stay);
  });
}

/**
 * Waits for what must not be lost: when the caller leaves first, it rejects with the caller's reason at once, and `late`
 * takes what arrives afterwards.
 */
export function orHandOver<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  late: (value: T) => unknown,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let left = false;
    const leave = () => {
      left = true;
      reject(signal?.reason);
    };
    if (signal?.aborted) leave();
    const stay = onAbort(signal, leave);
    // One place decides whose the value is, so that it is never nobody's.
    promise
      .then((value) => (left ? late(value) : resolve(value)), reject)
      .catch(() => {})
      .finally(stay);
  });
}

/** A moment after which a wait is over. */
export class Deadline {
  readonly timeoutMs: number;
  readonly #endsAt: number;

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
    this.#endsAt = performance.now() + timeoutMs;
  }

  get remainingMs(): number {
    return this.#endsAt - performance.now();
  }

  get isOver(): boolean {
    return this.remainingMs <= 0;
  }
}

const POLL_FIRST_MS = 250;
const POLL_LAST_MS = 5_000;
const POLL_GROWTH = 0.1;
const POLL_JITTER = 0.2;

/** How long to wait before the next look at something that is `ageMs` old: a quarter second first, at most five, ±20 %. */
export function pollDelayMs(ageMs: number, random: () => number = Math.random): number {
  const even = Math.min(POLL_LAST_MS, Math.max(POLL_FIRST_MS, ageMs * POLL_GROWTH));
  return even * (1 + POLL_JITTER * (2 * random() - 1));
}

import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Deadline, orHandOver, pollDelayMs, sleep, untilAborted } from "../../../src/facade/call/wait.ts";
import { rejection } from "../../support/clients.ts";

const reason = { the: "caller's own" };

function listenersOf(signal: AbortSignal): number {
  return getEventListeners(signal, "abort").length;
}

describe("with fake time", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("sleep resolves after its time, and not before", async () => {
    const done = vi.fn();
    void sleep(1_000).then(done);
    await vi.advanceTimersByTimeAsync(999);
    expect(done).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(done).toHaveBeenCalledTimes(1);
  });

  test("sleep of more than a timer can hold does not end at once", async () => {
    const done = vi.fn();
    void sleep(2 ** 40).then(done);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(done).not.toHaveBeenCalled();
  });

  test("sleep rejects with the signal's reason and leaves no timer and no listener", async () => {
    const control = new AbortController();
    const slept = rejection(sleep(1_000, control.signal));
    control.abort(reason);
    expect(await slept).toBe(reason);
    expect(vi.getTimerCount()).toBe(0);
    expect(listenersOf(control.signal)).toBe(0);
  });

  test("sleep under a signal that has aborted starts no timer", async () => {
    expect(await rejection(sleep(1_000, AbortSignal.abort(reason)))).toBe(reason);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("sleep that ends leaves no listener", async () => {
    const { signal } = new AbortController();
    const slept = sleep(10, signal);
    await vi.advanceTimersByTimeAsync(10);
    await slept;
    expect(listenersOf(signal)).toBe(0);
  });

  test("a deadline is over when its time is", () => {
    const deadline = new Deadline(100);
    expect(deadline).toMatchObject({ timeoutMs: 100, isOver: false });
    vi.advanceTimersByTime(60);
    expect(deadline.remainingMs).toBeCloseTo(40);
    vi.advanceTimersByTime(40);
    expect(deadline.isOver).toBe(true);
  });
});

describe("untilAborted", () => {
  test("settles as the promise does, and leaves no listener", async () => {
    const { signal } = new AbortController();
    expect(await untilAborted(Promise.resolve(5), signal)).toBe(5);
    expect(await rejection(untilAborted(Promise.reject(reason), signal))).toBe(reason);
    await Promise.resolve();
    expect(listenersOf(signal)).toBe(0);
  });

  test("rejects with the signal's reason at once, even when the promise never settles", async () => {
    const control = new AbortController();
    const waiting = rejection(untilAborted(new Promise(() => {}), control.signal));
    control.abort(reason);
    expect(await waiting).toBe(reason);
    expect(await rejection(untilAborted(new Promise(() => {}), control.signal))).toBe(reason);
  });

  test("a promise that fails after the abort is nobody's unhandled rejection", async () => {
    const unhandled = vi.fn();
    process.once("unhandledRejection", unhandled);
    const control = new AbortController();
    let fail: (error: Error) => void = () => {};
    const late = new Promise((_, reject) => {
      fail = reject;
    });
    const waiting = rejection(untilAborted(late, control.signal));
    control.abort(reason);
    await waiting;
    fail(new Error("late"));
    await new Promise((resolve) => setTimeout(resolve, 10));
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe("orHandOver", () => {
  test("gives what arrives in time to the caller alone", async () => {
    const late = vi.fn();
    expect(await orHandOver(Promise.resolve("session"), new AbortController().signal, late)).toBe("session");
    expect(late).not.toHaveBeenCalled();
  });

  test("rejects with the caller's reason at once, and hands over what arrives later, once", async () => {
    const control = new AbortController();
    const late = vi.fn();
    let arrive: (value: string) => void = () => {};
    const opening = new Promise<string>((resolve) => {
      arrive = resolve;
    });
    const waiting = rejection(orHandOver(opening, control.signal, late));
    control.abort(reason);
    expect(await waiting).toBe(reason);
    arrive("session");
    await vi.waitFor(() => expect(late).toHaveBeenCalledWith("session"));
    expect(late).toHaveBeenCalledTimes(1);
  });

  test("under a signal that has aborted, what arrives is handed over", async () => {
    const late = vi.fn();
    expect(await rejection(orHandOver(Promise.resolve("session"), AbortSignal.abort(reason), late))).toBe(reason);
    await vi.waitFor(() => expect(late).toHaveBeenCalledWith("session"));
  });

  test("what arrives in the very moment of the abort goes to one of the two, never to nobody", async () => {
    for (let ticks = 0; ticks < 8; ticks++) {
      const control = new AbortController();
      const late = vi.fn();
      let opening = Promise.resolve("session");
      for (let tick = 0; tick < ticks; tick++) opening = opening.then((value) => value);
      const settled = orHandOver(opening, control.signal, late).catch(() => undefined);
      for (let tick = 0; tick < 3; tick++) await undefined;
      control.abort(reason);
      const got = await settled;
      await new Promise((resolve) => setTimeout(resolve, 1));
      expect({ ticks, got, late: late.mock.calls.length }).toEqual({ ticks, got, late: got === "session" ? 0 : 1 });
    }
  });

  test("a signal that lives on keeps no listener", async () => {
    const { signal } = new AbortController();
    await orHandOver(Promise.resolve("session"), signal, () => {});
    await rejection(orHandOver(Promise.reject(new Error("no")), signal, () => {}));
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect(listenersOf(signal)).toBe(0);
  });

  test("a hand-over that fails is unhandled by nobody", async () => {
    const late = vi.fn(async () => Promise.reject(new Error("no stop")));
    await rejection(orHandOver(Promise.resolve("session"), AbortSignal.abort(reason), late));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(late).toHaveBeenCalledTimes(1);
  });

  test("what fails after the caller has left is handed to nobody, and unhandled by nobody", async () => {
    const late = vi.fn();
    const opening = new Promise((_, reject) => setTimeout(() => reject(new Error("late")), 10));
    expect(await rejection(orHandOver(opening, AbortSignal.abort(reason), late))).toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(late).not.toHaveBeenCalled();
  });
});

test.each([
  [0, 0.5, 250],
  [2_499, 0.5, 250],
  [10_000, 0.5, 1_000],
  [50_000, 0.5, 5_000],
  [3_600_000, 0.5, 5_000],
  [0, 0, 200],
  [0, 1, 300],
  [3_600_000, 1, 6_000],
])("what is %i ms old is looked at again, with jitter %d, in %i ms", (ageMs, random, expected) => {
  expect(pollDelayMs(ageMs, () => random)).toBeCloseTo(expected);
});

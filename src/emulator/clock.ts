interface Timer {
  readonly dueAt: number;
  readonly run: () => void;
  readonly handle: ReturnType<typeof setTimeout>;
}

/** The emulator's own time: what the given clock says, plus what it was advanced by. */
export class Clock {
  readonly #now: () => number;
  readonly #timers = new Set<Timer>();
  #offsetMs = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#now() + this.#offsetMs;
  }

  /** Calls `run` once, after real time or when the clock is advanced past it. */
  after(delayMs: number, run: () => void): void {
    const timer: Timer = { dueAt: this.now() + delayMs, run, handle: setTimeout(() => this.#fire(timer), delayMs) };
    this.#timers.add(timer);
  }

  /** Moves the clock, calling on the way what becomes due. */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`the clock cannot be advanced by ${ms}`);
    const until = this.now() + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ dueAt }) => dueAt <= until).sort((a, b) => a.dueAt - b.dueAt);
      if (!next) break;
      this.#offsetMs += Math.max(0, next.dueAt - this.now());
      this.#fire(next);
    }
    this.#offsetMs += Math.max(0, until - this.now());
  }

  /** Drops everything that is still due. */
  close(): void {
    for (const { handle } of this.#timers) clearTimeout(handle);
    this.#timers.clear();
  }

  #fire(timer: Timer): void {
    if (!this.#timers.delete(timer)) return;
    clearTimeout(timer.handle);
    timer.run();
  }
}

/** A version of the API. */
export type ApiVersion = "v2" | "v3" | "v4";

/** A point in time as the API of a version writes it: v2 leaves the zone away and means UTC. */
export function timestamp(version: ApiVersion, at: number): string {
  const text = new Date(at).toISOString();
  return version === "v2" ? text.replace("Z", "000") : text;
}

/** Like {@link timestamp}; null stays null. */
export function timestampOrNull(version: ApiVersion, at: number | null): string | null {
  return at === null ? null : timestamp(version, at);
}

/** Reads a point in time from a request; without a zone it is UTC. */
export function instant(text: string): number {
  return Date.parse(/(?:Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`);
}

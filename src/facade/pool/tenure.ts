import { LeaseLostError } from "../errors.ts";

/** The share of a lease's time that the holder does not count on: clocks run at different speeds, and news takes time. */
const MARGIN = 0.1;
const TOO_LATE = "its lease could not be renewed in time";

/** One lease as its holder knows it. It ends by the holder's own clock before it ends in the store. */
export class Tenure {
  readonly slot: string;
  readonly token: string;
  readonly sessionId: string;
  readonly since: number = performance.now();
  readonly #control = new AbortController();
  readonly #onLost: (tenure: Tenure) => void;
  #deadline: number;
  #timer: ReturnType<typeof setTimeout>;
  #released = false;
  #lost = false;

  /** `askedAt`: when the lease was asked for, so that it cannot have begun earlier. */
  constructor(
    grant: { readonly slot: string; readonly token: string; readonly sessionId: string },
    askedAt: number,
    leaseMs: number,
    onLost: (tenure: Tenure) => void,
  ) {
    this.slot = grant.slot;
    this.token = grant.token;
    this.sessionId = grant.sessionId;
    this.#onLost = onLost;
    this.#deadline = askedAt + leaseMs * (1 - MARGIN);
    this.#timer = setTimeout(() => this.#look(), this.remainingMs);
  }

  /** Aborts when the lease is over without having been released, or is taken back. */
  get signal(): AbortSignal {
    return this.#control.signal;
  }

  get remainingMs(): number {
    return Math.max(0, this.#deadline - performance.now());
  }

  get isLost(): boolean {
    return this.#lost;
  }

  /** @throws {@link LeaseLostError} once the lease is over, also when no timer has had the time to say so. */
  check(): void {
    if (this.#released) throw new LeaseLostError(this.sessionId, "it was given back");
    if (this.remainingMs <= 0) this.lose(TOO_LATE);
    this.signal.throwIfAborted();
  }

  /** The store has prolonged the lease; it was asked at `askedAt`. */
  renewed(askedAt: number, leaseMs: number): void {
    this.#deadline = askedAt + leaseMs * (1 - MARGIN);
  }

  /** From here on the session is not the holder's to use, and its lease can no longer be lost. */
  close(): void {
    this.#released = true;
    clearTimeout(this.#timer);
  }

  /** Tells the holder that it must let go. The lease itself is not lost: it is released next. */
  revoke(why: string): void {
    this.#control.abort(new LeaseLostError(this.sessionId, why));
  }

  lose(why: string): void {
    clearTimeout(this.#timer);
    if (this.isLost || this.#released) return;
    this.#lost = true;
    this.revoke(why);
    this.#onLost(this);
  }

  #look(): void {
    if (this.remainingMs <= 0) this.lose(TOO_LATE);
    else this.#timer = setTimeout(() => this.#look(), this.remainingMs);
  }
}

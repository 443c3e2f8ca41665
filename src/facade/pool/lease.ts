/** How a lease is given back. */
export interface ReleaseOptions {
  /** False: stop the session, as it is in no state to be used again. Default: true. */
  readonly reuse?: boolean | undefined;
}

/** The right to use one session, until it is released or lost. */
export class Lease<Session> implements AsyncDisposable {
  /** The session, for this lease alone: after the release, or a loss, its calls fail with a `LeaseLostError` and send nothing. Its own `stop` gives it back. */
  readonly session: Session;
  /** The key it was acquired for. */
  readonly key: string | undefined;
  /** Whether this key had a browser before and has a new one now: what was open or logged in there is gone. Remembered for a day. */
  readonly restarted: boolean;
  /** How often this session was lent before; 0 for a new one. */
  readonly uses: number;
  /** Grows with every lease of the project: whoever stores what a lease has done can refuse what comes from an older one. */
  readonly fence: number;
  /** Aborts when the lease is lost (not renewed in time, or refused by the store), or taken back as the pool closes. Not by a release. */
  readonly signal: AbortSignal;
  readonly #release: (options: ReleaseOptions) => Promise<void>;
  #releasing: Promise<void> | undefined;

  constructor(
    granted: Pick<Lease<Session>, "session" | "key" | "restarted" | "uses" | "fence" | "signal">,
    release: (options: ReleaseOptions) => Promise<void>,
  ) {
    this.session = granted.session;
    this.key = granted.key;
    this.restarted = granted.restarted;
    this.uses = granted.uses;
    this.fence = granted.fence;
    this.signal = granted.signal;
    this.#release = release;
  }

  /**
   * Gives the session back: it waits for the next lease of its key or group, or is stopped, and its profile saved, before this resolves. A
   * session in which a task may still run is stopped. It never rejects: a stop that fails is an event of the pool, and is tried again.
   * Releasing twice is releasing once.
   */
  release(options: ReleaseOptions = {}): Promise<void> {
    this.#releasing ??= this.#release(options);
    return this.#releasing;
  }

  /** {@link Lease.release}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

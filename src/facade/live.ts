import { isSameId } from "./call/answers.ts";
import { isPassing } from "./call/passing.ts";
import { Deadline, sleep } from "./call/wait.ts";
import { ApiError, SessionNotStoppedError, SessionStoppedError, TimeoutError } from "./errors.ts";
import type { ProfileAccess } from "./profile-guard.ts";
import type { CallOptions } from "./types.ts";

const STOP_TIMEOUT_MS = 30_000;
const STOP_ATTEMPT_MS = 10_000;
/** What one call may take of it, so that others have their turn. */
const STOP_CALL_MS = 15_000;
const STOP_RETRIES = 20;
const STOP_LOOK_MS = 250;
/** An idle session lives 15 minutes. */
export const IDLE_LIFE_MS: number = 20 * 60_000;
/** A session with a task lives 4 hours at most. */
export const LONGEST_LIFE_MS: number = 4 * 60 * 60_000;

/** What a kind of thing that lives at the service, and costs until it is stopped, can be asked. */
export interface LivePort<View> {
  readonly idOf: (view: View) => string | undefined;
  readonly get: (id: string, options: CallOptions) => Promise<View>;
  /** Undefined when the answer shows no view. */
  readonly stop: (id: string, options: CallOptions) => Promise<View | undefined>;
  readonly isClosed: (view: View) => boolean;
}

/** Told of a session that could not be confirmed as stopped. It never throws. */
export type ReportLeak = (error: unknown) => void;

/** How a session or browser is opened. */
export interface OpenOptions extends CallOptions {
  /** `"exclusive"`: refuse a profile that a live session of this client has; `"shared"`: let the last stop win. Default: `"exclusive"`. */
  readonly profileAccess?: ProfileAccess | undefined;
}

/** Whose a handle is: of who has opened what it stands for, or of who lends it. */
export interface Owner {
  /** The end was seen, perhaps once more. `livesOnMs`: how long what it leaves behind may still write its profile. */
  readonly onClosed: (livesOnMs?: number) => void;
  /** A stop could not be confirmed, and this is why. */
  readonly onNotStopped?: (cause: unknown) => void;
  /** For what is lent: gives it back, in place of a stop. */
  readonly giveBack?: () => Promise<void>;
}

/** Something that lives at the service: a session or a browser. */
export abstract class Live<View extends object> {
  readonly id: string;
  readonly #port: LivePort<View>;
  readonly #owner: Owner | undefined;
  #view: View | undefined;
  #closed = false;
  #stopping: Promise<View> | undefined;
  #underWay = 0;

  /** With `owner`, disposing the handle stops what it stands for, or gives it back. */
  constructor(port: LivePort<View>, seen: View | string, owner?: Owner) {
    this.#port = port;
    this.id = typeof seen === "string" ? seen : (port.idOf(seen) ?? "");
    this.#owner = owner;
    if (typeof seen !== "string") this.#see(seen);
  }

  /** The last view that the service gave, as it came. Undefined on an attached handle until it has asked once. */
  get view(): View | undefined {
    return this.#view;
  }

  /** Whether this handle has seen the end. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /**
   * Asks the service for the current view.
   *
   * @throws {@link NotFoundError} when there is none.
   */
  async refresh(options: CallOptions = {}): Promise<View> {
    return this.see(await this.#port.get(this.id, options));
  }

  /**
   * Stops it, and waits until the service confirms the end. Once confirmed, further calls return the last view and ask nothing.
   * It runs under a deadline of its own, 30 s with retries. What was leased from a pool is given back instead: only the pool stops it.
   *
   * @throws {@link SessionNotStoppedError} when the end is not confirmed; it may still cost money.
   * @throws {@link NotFoundError} when an attached handle names none.
   */
  stop(): Promise<View> {
    if (this.#owner?.giveBack && this.#view) return this.#giveBack(this.#owner.giveBack, this.#view);
    if (this.#closed && this.#view) return Promise.resolve(this.#view);
    this.#stopping ??= this.#stop().finally(() => {
      this.#stopping = undefined;
    });
    return this.#stopping;
  }

  /** Stops it when this handle has opened it, gives it back when it was leased; else does nothing. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#owner) await this.stop();
  }

  /** Whether a stop is under way. */
  protected get isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  /** Whether something is on its way into it that is not done when its call is given up, such as a file. */
  get isTaking(): boolean {
    return this.#underWay > 0;
  }

  /** Takes note of work that puts something into it. */
  protected async taking<T>(work: Promise<T>): Promise<T> {
    this.#underWay += 1;
    try {
      return await work;
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Takes note of a view. */
  protected see(view: View): View {
    return this.#see(view);
  }

  /** A view of something else says nothing here. One that was on its way when the end was seen is older than the end. */
  #see(view: View): View {
    if (!isSameId(this.#port.idOf(view) ?? this.id, this.id)) return view;
    const isClosed = this.#port.isClosed(view);
    if (isClosed || !this.#closed) this.#view = view;
    if (isClosed) this.#close();
    return view;
  }

  async #giveBack(giveBack: () => Promise<void>, view: View): Promise<View> {
    await giveBack();
    return this.#view ?? view;
  }

  /** Asks, and looks until the end is there. Only a look is believed: what refuses a stop, or garbles its answer, may have carried it out. */
  async #stop(): Promise<View> {
    const deadline = new Deadline(STOP_TIMEOUT_MS);
    let unheard: unknown;
    try {
      unheard = await this.#ask(deadline);
      let unseen: unknown;
      for (;;) {
        if (this.#closed && this.#view) return this.#view;
        if (deadline.isOver) throw unheard ?? unseen ?? notInTime();
        await sleep(STOP_LOOK_MS);
        if (unheard) unheard = await this.#ask(deadline);
        else unseen = await this.#look(deadline);
      }
    } catch (cause) {
      if (cause === unheard || !isGone(cause)) {
        this.#owner?.onNotStopped?.(cause);
        throw new SessionNotStoppedError(this.id, { cause });
      }
      if (this.#view ?? this.#owner) this.#close();
      if (this.#view) return this.#view;
      throw cause;
    }
  }

  /** Gives the fault for which it may not have been heard. Some services refuse to stop what has ended, others say that it is not there. */
  async #ask(deadline: Deadline): Promise<unknown> {
    let unheard: unknown;
    try {
      const answer = await this.#port.stop(this.id, limits(deadline));
      if (answer) {
        this.see(answer);
        return undefined;
      }
    } catch (fault) {
      if (!isPassing(fault) && !isGone(fault)) throw fault;
      unheard = fault;
    }
    await this.#look(deadline);
    return unheard;
  }

  /** Gives the fault for which nothing was seen. */
  async #look(deadline: Deadline): Promise<unknown> {
    try {
      await this.refresh(limits(deadline));
      return undefined;
    } catch (fault) {
      if (isPassing(fault)) return fault;
      throw fault;
    }
  }

  #close(): void {
    this.#closed = true;
    this.#owner?.onClosed();
  }
}

/** What was there and is not found any more has ended. */
export function isGone(error: unknown): boolean {
  if (error instanceof SessionStoppedError) return true;
  return error instanceof ApiError && (error.status === 404 || error.status === 410);
}

function limits(deadline: Deadline): CallOptions {
  const totalTimeoutMs = Math.min(STOP_CALL_MS, Math.max(1, deadline.remainingMs));
  return { timeoutMs: Math.min(STOP_ATTEMPT_MS, totalTimeoutMs), totalTimeoutMs, maxRetries: STOP_RETRIES };
}

function notInTime(): TimeoutError {
  const timeoutMs = STOP_TIMEOUT_MS;
  return new TimeoutError(`The session was still live ${timeoutMs} ms after the stop.`, {
    operation: "stop",
    timeoutMs,
  });
}

/** Whether an error leaves open if the service did what it was asked. */
export function hasUnknownOutcome(error: unknown): boolean {
  return error instanceof Error && "outcome" in error && error.outcome === "unknown";
}

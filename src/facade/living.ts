import { checkSignal } from "./call/check.ts";
import { failureOf } from "./call/outcome.ts";
import { Deadline, orHandOver, sleep, untilAborted } from "./call/wait.ts";
import { within } from "./call/within.ts";
import type { Context } from "./context.ts";
import { BrowserUseError, InvalidInputError, SessionNotStoppedError, TimeoutError } from "./errors.ts";
import type { LiveKind } from "./events.ts";
import { hasUnknownOutcome, LONGEST_LIFE_MS, type OpenOptions, type Owner, type ReportLeak } from "./live.ts";
import type { SharedStores } from "./pool/session-port.ts";
import type { ProfileHold } from "./profile-guard.ts";
import type { CallOptions } from "./types.ts";

/** How a session is named of which nobody knows more than that it may be there. */
export const UNKNOWN_ID = "(id unknown)";

/** What was opened. */
interface Handle {
  readonly id: string;
  readonly isClosed: boolean;
  stop(): Promise<unknown>;
}

/** What one client has opened, and has not seen to end. */
export class Living {
  /** The pools that are in use: what they hold is theirs to stop. */
  readonly pools: NonNullable<SharedStores["pools"]> = new Set();
  readonly #handles = new Map<Handle, number>();
  readonly #openings = new Set<Promise<Handle>>();
  readonly #reportLeak: ReportLeak;
  readonly #longestLifeMs: number;
  #closing: Promise<void> | undefined;

  constructor(reportLeak: ReportLeak, longestLifeMs: number = LONGEST_LIFE_MS) {
    this.#reportLeak = reportLeak;
    this.#longestLifeMs = longestLifeMs;
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Waits for a closing that has begun. Whoever hears of it earlier may end the process, and with it the stops that are under way.
   */
  async untilClosed(): Promise<void> {
    await this.#closing;
    // Those who wait for the closing itself go first.
    if (this.isClosed) await sleep(0);
  }

  /** @throws {@link InvalidInputError} once the client is closed. */
  async refuseClosed(): Promise<void> {
    await this.untilClosed();
    if (this.isClosed) throw new InvalidInputError("This client is closed: it opens nothing more.");
  }

  /** Takes note of what is on its way. */
  expect(opening: Promise<Handle>): void {
    this.#openings.add(opening);
    const forget = () => this.#openings.delete(opening);
    opening.then(forget, forget);
  }

  /** What nobody has seen to end is forgotten when it is too old to live. */
  add(handle: Handle): void {
    const now = performance.now();
    for (const [old, since] of this.#handles) {
      if (now - since < this.#longestLifeMs) break;
      this.#handles.delete(old);
    }
    this.#handles.set(handle, now);
  }

  delete(handle: Handle): boolean {
    return this.#handles.delete(handle);
  }

  /** Stops all, and from now on what arrives. */
  close(timeoutMs: number): Promise<void> {
    // Each in its own time; what an earlier one has not seen to end is tried again.
    const closing = this.#close(new Deadline(timeoutMs));
    this.#closing = Promise.all([this.#closing, closing]).then(() => {});
    return closing;
  }

  async #close(deadline: Deadline): Promise<void> {
    const ended = (what: { readonly id: string }, end: Promise<unknown>) =>
      inTime(what, end, deadline).catch(this.#reportLeak);
    const arrived = (opening: Promise<Handle>) => {
      const late = { id: UNKNOWN_ID };
      const stop = (handle: Handle) => {
        late.id = handle.id;
        return handle.stop();
      };
      // What was not opened is told to whoever has asked for it.
      return ended(
        late,
        opening.then(stop, () => {}),
      );
    };
    const pools = [...this.pools].map((pool) => ended({ id: "(of a pool)" }, pool.close({ timeoutMs: 0 })));
    const handles = [...this.#handles.keys()].map((handle) => ended(handle, handle.stop()));
    await Promise.all([...pools, ...handles, ...[...this.#openings].map(arrived)]);
  }
}

function inTime(what: { readonly id: string }, end: Promise<unknown>, deadline: Deadline): Promise<unknown> {
  const { timeoutMs } = deadline;
  const timeUp = () => {
    const cause = new TimeoutError(`The end was not confirmed within ${timeoutMs} ms.`, {
      operation: "close",
      timeoutMs,
    });
    return new SessionNotStoppedError(what.id, { cause });
  };
  return within(deadline.remainingMs, timeUp, undefined, (signal) => untilAborted(end, signal));
}

/** What keeps what is opened from being lost. */
export type LiveContext = Pick<Context, "guard" | "living" | "emit" | "reportLeak">;

/** How something that costs until it is stopped comes to be. */
interface Opening<View, H> {
  readonly kind: LiveKind;
  readonly profileId: string | null | undefined;
  readonly options: OpenOptions;
  /** How long it may live when nobody knows whether it was created. */
  readonly livesMs: number;
  readonly create: (options: CallOptions) => Promise<View>;
  readonly handle: (view: View, owner: Owner) => H;
}

/**
 * Opens something that costs until it is stopped, so that it cannot be lost: the profile is held before the create is sent, and
 * what arrives after the caller has left, or the client was closed, is stopped.
 */
export async function openLive<View, H extends Handle>(context: LiveContext, parts: Opening<View, H>): Promise<H> {
  const { guard, living, emit, reportLeak } = context;
  const { profileAccess, signal, ...limits } = parts.options;
  checkSignal(signal);
  signal?.throwIfAborted();
  if (living.isClosed) await living.refuseClosed();
  const hold = guard.hold(parts.profileId, profileAccess);
  const begun = performance.now();
  const opening = parts.create(limits).then(
    (view) => opened(context, parts, view, hold, begun),
    (error) => {
      if (hasUnknownOutcome(error)) hold.expire(parts.livesMs);
      else hold.release();
      emit?.({ type: "openFailed", kind: parts.kind, failure: failureOf(error), code: codeOf(error) });
      // Who has left hears no rejection: what may live on without them is reported.
      if ((signal?.aborted || living.isClosed) && hasUnknownOutcome(error)) {
        reportLeak(new SessionNotStoppedError(UNKNOWN_ID, { cause: error }));
      }
      throw error;
    },
  );
  living.expect(opening);
  return orHandOver(opening, signal, (handle) => handle.stop().catch(reportLeak));
}

function opened<View, H extends Handle>(
  { living, emit }: LiveContext,
  { kind, handle: make }: Opening<View, H>,
  view: View,
  hold: ProfileHold,
  begun: number,
): H {
  const openedAt = performance.now();
  // The view of what has just been opened may show its end already.
  let handle: H | undefined;
  const onClosed = (livesOnMs?: number) => {
    if (livesOnMs === undefined) hold.release();
    else hold.expire(livesOnMs);
    if (!handle || !living.delete(handle)) return;
    emit?.({ type: "stopped", kind, sessionId: handle.id, livedMs: performance.now() - openedAt });
  };
  const onNotStopped = (error: unknown) => {
    if (handle) emit?.({ type: "stopFailed", kind, sessionId: handle.id, code: codeOf(error) });
  };
  handle = make(view, { onClosed, onNotStopped });
  emit?.({ type: "opened", kind, sessionId: handle.id, tookMs: openedAt - begun });
  living.add(handle);
  if (handle.isClosed) onClosed();
  return handle;
}

function codeOf(error: unknown): BrowserUseError["code"] | undefined {
  return error instanceof BrowserUseError ? error.code : undefined;
}

/** Opens, runs `fn`, always stops. `fn`'s result is never lost to a stop that failed: that is reported. */
export async function useLive<H extends Handle, T>(
  { reportLeak, living }: LiveContext,
  open: () => Promise<H>,
  fn: (handle: H) => T | Promise<T>,
): Promise<T> {
  if (typeof fn !== "function")
    throw new InvalidInputError("use takes a request, and a function that is given what was opened.");
  const handle = await open();
  try {
    return await fn(handle);
  } finally {
    await handle.stop().catch(reportLeak);
    if (living.isClosed) await living.untilClosed();
  }
}

import { failureOf } from "./call/outcome.ts";
import { orHandOver } from "./call/wait.ts";
import { NotFoundError, SessionBusyError, SessionStoppedError } from "./errors.ts";
import { Live, type LivePort, type Owner } from "./live.ts";
import { stopQuietly } from "./runs/run-to-end.ts";
import type { Run } from "./runs/runs.ts";
import type { CallOptions } from "./types.ts";

/** What a session has to know of a run in it. */
export interface Dispatched {
  readonly isDone: boolean;
  hasEnded(options: CallOptions): Promise<boolean>;
  stop(options: CallOptions): Promise<void>;
}

/** The way into one session, for one task at a time. Handles that share it exclude each other. */
export class Lane<R extends Dispatched> {
  /** The run that was dispatched last and has not been seen to end. */
  #running: R | undefined;
  #dispatching = false;
  /** Whether a dispatch since the last run came to nothing known: nobody knows then what the session does. */
  #unsettled = false;

  /** Whether it is known here, without asking, that no task runs that came this way. */
  get isQuiet(): boolean {
    const isDone = this.#running === undefined || this.#running.isDone;
    return !this.#dispatching && !this.#unsettled && isDone;
  }

  /**
   * Lets one dispatch through at a time; a second one is refused before the wire. What is known may be old, so that the service is asked
   * once before a task is refused. A run that arrives after its caller has left is stopped.
   */
  enter(sessionId: string, options: CallOptions, dispatch: () => Promise<R>): Promise<R> {
    return orHandOver(this.#alone(sessionId, options, dispatch), options.signal, stopQuietly);
  }

  async #alone(sessionId: string, options: CallOptions, dispatch: () => Promise<R>): Promise<R> {
    if (this.#dispatching) throw new SessionBusyError(sessionId);
    this.#dispatching = true;
    try {
      if (this.#running && (await isAtWork(this.#running, options))) throw new SessionBusyError(sessionId);
      this.#running = await dispatch();
      this.#unsettled = false;
      return this.#running;
    } catch (error) {
      this.#unsettled ||= !wasRefused(error);
      throw error;
    } finally {
      this.#dispatching = false;
    }
  }
}

/** A run that is not found any more is none that is at work. */
async function isAtWork(run: Dispatched, options: CallOptions): Promise<boolean> {
  return run.hasEnded(options).then(
    (hasEnded) => !hasEnded,
    (error: unknown) => {
      if (error instanceof NotFoundError) return false;
      throw error;
    },
  );
}

/** A live browser with an agent in it, which takes one task at a time. */
export abstract class AgentSession<View extends object, R extends Dispatched = Run> extends Live<View> {
  readonly #lane: () => Lane<R>;

  /** `lane`: left out for a lane that is this handle's own. */
  constructor(port: LivePort<View>, seen: View | string, owner?: Owner, lane: () => Lane<R> = ownLane()) {
    super(port, seen, owner);
    this.#lane = lane;
  }

  /** Whether it is known here, without asking, that the session is open and that no task of this handle runs. */
  get isQuiet(): boolean {
    return !this.isClosed && !this.isTaking && this.#lane().isQuiet;
  }

  /** Dispatches when nothing else does. */
  protected async alone(options: CallOptions, dispatch: () => Promise<R>): Promise<R> {
    if (this.isClosed || this.isStopping) throw new SessionStoppedError(this.id);
    return this.#lane().enter(this.id, options, dispatch);
  }
}

function ownLane<R extends Dispatched>(): () => Lane<R> {
  const lane = new Lane<R>();
  return () => lane;
}

/** Whether an error leaves no doubt that no task runs: a task that was refused, before the wire or by the service. */
function wasRefused(error: unknown): boolean {
  return !(error instanceof SessionBusyError) && failureOf(error) !== "unknown";
}

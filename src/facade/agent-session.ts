import { failureOf } from "./call/outcome.ts";
import { orHandOver } from "./call/wait.ts";
import { SessionBusyError, SessionStoppedError } from "./errors.ts";
import { Live } from "./live.ts";
import { stopQuietly } from "./runs/run-to-end.ts";
import type { Run } from "./runs/runs.ts";
import type { CallOptions } from "./types.ts";

/** A live browser with an agent in it, which takes one task at a time. */
export abstract class AgentSession<View extends { readonly id: string }> extends Live<View> {
  /** The run that was dispatched last and has not been seen to end. */
  #running: Run<unknown> | undefined;
  #dispatching = false;
  /** Whether a dispatch since the last run came to nothing known: nobody knows then what the session does. */
  #unsettled = false;

  /** Whether it is known here, without asking, that the session is open and that no task of this handle runs. */
  get isQuiet(): boolean {
    const isDone = this.#running === undefined || this.#running.isDone;
    return !this.isClosed && !this.isTaking && !this.#dispatching && !this.#unsettled && isDone;
  }

  /**
   * Lets one dispatch through at a time; a second one is refused before the wire. A run that arrives after its caller has left is
   * stopped.
   */
  protected alone(options: CallOptions, dispatch: () => Promise<Run<unknown>>): Promise<Run<unknown>> {
    return orHandOver(this.#alone(options, dispatch), options.signal, stopQuietly);
  }

  /** What is known may be old, so that the service is asked once before a task is refused. */
  async #alone(options: CallOptions, dispatch: () => Promise<Run<unknown>>): Promise<Run<unknown>> {
    if (this.isClosed) throw new SessionStoppedError(this.id);
    if (this.#dispatching) throw new SessionBusyError(this.id);
    this.#dispatching = true;
    try {
      if (this.#running && !(await this.#running.hasEnded(options))) throw new SessionBusyError(this.id);
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

/** Whether an error leaves no doubt that no task runs: a task that was refused, before the wire or by the service. */
function wasRefused(error: unknown): boolean {
  return !(error instanceof SessionBusyError) && failureOf(error) !== "unknown";
}

import { constants } from "node:os";
import { checkMs, refuseUnknown } from "../facade/call/check.ts";
import type { BrowserUse } from "../facade/client.ts";
import { InvalidInputError } from "../facade/errors.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const TIMEOUT_MS = 30_000;
/** Runners such as npm pass on what the terminal has sent to the whole group: one key, two signals. */
const SAME_KEY_MS = 100;
/** The first process of a container is not ended by a signal of its own. */
const DEAF_MS = 500;

/** How the end of a process is held up. */
export interface StopOnExitOptions {
  /** How long the stops may take, in milliseconds. Default: 30,000. Give less where your platform kills sooner. */
  readonly timeoutMs?: number | undefined;
}

/** Takes the listeners out again: call it, or let `using` do so. */
export interface StopOnExit extends Disposable {
  (): void;
}

/** What is closed on the way out. */
interface Watched {
  readonly client: Pick<BrowserUse, "close">;
  readonly timeoutMs: number;
}

/**
 * On SIGINT, SIGTERM and SIGHUP, stops all that the client has opened, as {@link BrowserUse.close} does, and then raises the signal again,
 * so that the process ends as it would have. A Ctrl-C while the stops are under way ends it at once. Where your program listens for the
 * signal itself, it is told as ever, and decides how the process ends.
 *
 * Until then the process stays: an exception that nobody catches does not end it, as runs fail when their sessions are stopped. Not
 * covered: `process.exit()`, a crash before any signal, SIGKILL. It does not keep a process alive, and twice for one client is once.
 *
 * @throws {@link InvalidInputError} for what is no client, and options that cannot be right.
 */
export function stopOnExit(client: Pick<BrowserUse, "close">, options: StopOnExitOptions = {}): StopOnExit {
  const { timeoutMs, ...unknown } = options;
  refuseUnknown(unknown, "stopOnExit");
  if (typeof client?.close !== "function") throw new InvalidInputError("stopOnExit takes a client.");
  const watched: Watched = { client, timeoutMs: checkMs("timeoutMs", timeoutMs, TIMEOUT_MS) };
  const remove = () => watch.remove(watched);
  watch.add(watched);
  return Object.assign(remove, { [Symbol.dispose]: remove });
}

/** Listens for signals, once for all clients: signals are the process's. */
class ExitWatch {
  readonly #watched = new Set<Watched>();
  #endsSince: number | undefined;

  add(watched: Watched): void {
    if (this.#isIdle) for (const signal of SIGNALS) process.prependListener(signal, this.#onSignal);
    this.#watched.add(watched);
  }

  remove(watched: Watched): void {
    if (this.#watched.delete(watched) && this.#isIdle) this.#leave();
  }

  get #isIdle(): boolean {
    return this.#watched.size === 0 && this.#endsSince === undefined;
  }

  /** Whether anybody else listens is asked now: a listener for one signal is gone once it was called. */
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    const isOurs = process.listenerCount(signal) === 1;
    if (this.#endsSince === undefined) void this.#end(signal, isOurs);
    else if (signal === "SIGINT" && performance.now() - this.#endsSince > SAME_KEY_MS) this.#pass(signal, isOurs);
  };

  async #end(signal: NodeJS.Signals, isOurs: boolean): Promise<void> {
    // Counts from when the process has time again to hear of a second signal.
    this.#endsSince = Number.POSITIVE_INFINITY;
    setImmediate(() => {
      if (this.#endsSince !== undefined) this.#endsSince = performance.now();
    });
    process.on("uncaughtException", ignore);
    await Promise.allSettled([...this.#watched].map(async ({ client, timeoutMs }) => client.close({ timeoutMs })));
    // A warning of what could not be stopped is printed a tick later.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    if (this.#endsSince !== undefined) this.#pass(signal, isOurs);
  }

  #pass(signal: NodeJS.Signals, isOurs: boolean): void {
    this.#leave();
    if (!isOurs) return;
    process.kill(process.pid, signal);
    setTimeout(() => process.exit(128 + constants.signals[signal]), DEAF_MS);
  }

  #leave(): void {
    this.#watched.clear();
    this.#endsSince = undefined;
    process.off("uncaughtException", ignore);
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }
}

function ignore(): void {}

const watch = new ExitWatch();

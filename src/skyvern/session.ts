import { AgentSession } from "../facade/agent-session.ts";
import { checkMs, checkSignal, refuseUnknown } from "../facade/call/check.ts";
import { poll } from "../facade/call/poll.ts";
import { Deadline } from "../facade/call/wait.ts";
import { InvalidInputError, SessionStoppedError, TimeoutError } from "../facade/errors.ts";
import type { Owner } from "../facade/live.ts";
import { refuseFields } from "../facade/runs/run-options.ts";
import type { CallOptions, WaitOptions } from "../facade/types.ts";
import { checkGiven } from "./check-body.ts";
import type { SkyvernContext } from "./context.ts";
import type { TaskRunView } from "./run-port.ts";
import { runToEnd } from "./run-task.ts";
import { type SkyvernSessionView, skyvernPort } from "./session-view.ts";
import { dispatchInto, type TaskRequest, taskBody } from "./task.ts";
import type { TaskRun } from "./task-run.ts";

const ADDRESS_TIMEOUT_MS = 120_000;
/** Fields of a task that say which browser it gets: here it is this one. */
const OF_BROWSERS = ["browser_session_id", "browser_profile_id", "browser_address", "start_fresh_browser"] as const;

/** What a task in a session may be given beside its prompt. */
export interface TaskFields extends Omit<TaskRequest, "prompt" | (typeof OF_BROWSERS)[number]> {}
/** Options of `session.start`. */
export interface SessionStartOptions extends TaskFields, CallOptions {}
/** Options of `session.run`. */
export interface SessionRunOptions extends TaskFields, CallOptions, WaitOptions {}

/** How long the browser's address is waited for. */
export interface AddressOptions {
  /** Aborts the wait, which then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for the browser to start, in milliseconds. Default: 120,000. */
  readonly waitTimeoutMs?: number | undefined;
}

/** A browser session of Skyvern: cookies and logins stay from task to task until it is stopped. It takes one task at a time. */
export class SkyvernSession extends AgentSession<SkyvernSessionView, TaskRun> {
  readonly #context: SkyvernContext;
  #warning: string | undefined;

  constructor(context: SkyvernContext, seen: SkyvernSessionView | string, owner?: Owner) {
    const id = typeof seen === "string" ? seen : seen.browser_session_id;
    super(skyvernPort(context.api), seen, owner, () => context.lanes.of(id));
    this.#context = context;
    this.#warning = this.view?.warning ?? undefined;
  }

  /** What the service changed about the request, such as a shorter `timeout`; `view.timeout` has the one that holds. Undefined for nothing. */
  get warning(): string | undefined {
    return this.#warning;
  }

  /**
   * Runs a task here and waits until it is completed. Give it a `url`, or `engine: "skyvern-2.0"`: without either the default engine
   * makes an address up, and leaves the page that is open.
   *
   * @throws {@link RunFailedError}, {@link TimeoutError} as {@link TaskRun.result} does.
   * @throws {@link SessionBusyError} while another task runs here, {@link SessionStoppedError} after the end. Nothing was dispatched then.
   * @throws `options.signal.reason` when aborted; the run is cancelled, the session lives on.
   * @see `POST /v1/run/tasks`
   */
  async run(prompt: string, options: SessionRunOptions = {}): Promise<TaskRunView> {
    const { waitTimeoutMs, ...starting } = checkGiven("The options of session.run", options);
    checkMs("waitTimeoutMs", waitTimeoutMs, 1);
    checkSignal(options.signal);
    const start = (signal: AbortSignal) => this.start(prompt, { ...starting, signal });
    return runToEnd(this.#context, start, { signal: options.signal, waitTimeoutMs });
  }

  /**
   * Dispatches a task and gives its run, whose id is known before anybody waits. The session is looked at first, as the service takes a
   * second task, and fails it later. See {@link SkyvernSession.run} for what goes with it.
   *
   * @throws {@link SessionBusyError} while another task runs here, {@link SessionStoppedError} after the end. Nothing was dispatched then.
   * @throws {@link ConnectionError}, {@link TimeoutError} with `outcome: "unknown"` when the dispatch was not answered: it is not repeated.
   * @throws `options.signal.reason` when aborted; a task that was dispatched all the same is cancelled.
   * @see `GET /v1/browser_sessions/{browser_session_id}`
   * @see `POST /v1/run/tasks`
   */
  async start(prompt: string, options: SessionStartOptions = {}): Promise<TaskRun> {
    const { signal, timeoutMs, totalTimeoutMs, maxRetries, ...fields } = checkGiven(
      "The options of session.start",
      options,
    );
    refuseChoice(fields);
    refuseFields(fields, "session.start", "prompt", ...OF_BROWSERS);
    const body = taskBody({ ...fields, prompt, browser_session_id: this.id });
    checkSignal(signal);
    signal?.throwIfAborted();
    const limits = { signal, timeoutMs, totalTimeoutMs, maxRetries };
    const entrance = {
      see: (view: SkyvernSessionView) => void this.see(view),
      isOver: () => this.isClosed || this.isStopping,
    };
    return this.alone(limits, () => dispatchInto(this.#context, this.id, body, limits, entrance));
  }

  /**
   * Where to connect with Playwright or Puppeteer, once the browser has started. Pass the key as the header `x-api-key` of the connection.
   * A server that you run yourself may start the browser with the first task only.
   *
   * @throws {@link TimeoutError} after `waitTimeoutMs`; the session lives on.
   * @throws {@link SessionStoppedError} when it has ended.
   * @throws `options.signal.reason` when aborted.
   * @see `GET /v1/browser_sessions/{browser_session_id}`
   */
  async browserAddress(options: AddressOptions = {}): Promise<string> {
    const { signal, waitTimeoutMs, ...unknown } = checkGiven("The options of browserAddress", options);
    refuseUnknown(unknown, "browserAddress");
    checkSignal(signal);
    const deadline = new Deadline(checkMs("waitTimeoutMs", waitTimeoutMs, ADDRESS_TIMEOUT_MS));
    const look = async (limits: CallOptions) => {
      const { started_at, browser_address } = await this.refresh(limits);
      if (this.isClosed) throw new SessionStoppedError(this.id);
      return (started_at && browser_address) || undefined;
    };
    return poll(look, deadline, signal, (fault) => this.#notStarted(deadline, fault));
  }

  protected override see(view: SkyvernSessionView): SkyvernSessionView {
    this.#warning ??= view.warning ?? undefined;
    return super.see(view);
  }

  #notStarted({ timeoutMs }: Deadline, cause: unknown): TimeoutError {
    const message = `The browser of session ${this.id} has not started within ${timeoutMs} ms.`;
    return new TimeoutError(message, { operation: "browserAddress", timeoutMs }, { cause });
  }
}

/** Here the method says whether its run is waited for. */
function refuseChoice(fields: object): void {
  const { waitTimeoutMs, waitForCompletion, wait_for_completion } = fields as Readonly<Record<string, unknown>>; // of callers without types
  if (waitTimeoutMs !== undefined)
    throw new InvalidInputError("session.start does not wait: give waitTimeoutMs to run.result(), or to session.run.");
  if (waitForCompletion !== undefined || wait_for_completion !== undefined)
    throw new InvalidInputError("session.run waits for its run, session.start does not: leave waitForCompletion out.");
}

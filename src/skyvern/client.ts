import type { Api } from "../facade/call/api.ts";
import { checkFunction, checkMs, refuseUnknown } from "../facade/call/check.ts";
import { type ConnectionOptions, connect } from "../facade/call/connection.ts";
import type { SessionNotStoppedError } from "../facade/errors.ts";
import { type ClientEvent, emitter } from "../facade/events.ts";
import { leakReporter } from "../facade/leak.ts";
import { Living } from "../facade/living.ts";
import type { LeaseStore } from "../facade/pool/lease-store.ts";
import { ProfileGuard } from "../facade/profile-guard.ts";
import { pollersOf, Watcher } from "../facade/runs/watcher.ts";
import { warn } from "../facade/warning.ts";
import type { paths } from "../generated/skyvern/api.ts";
import { checkGiven } from "./check-body.ts";
import type { SkyvernContext } from "./context.ts";
import { Doubts } from "./doubts.ts";
import { SkyvernFiles } from "./files.ts";
import { Lanes } from "./lanes.ts";
import { LONGEST_LIFE_MS } from "./life.ts";
import { SkyvernProfiles } from "./profiles.ts";
import { taskRunList } from "./run-list.ts";
import { API_VERSION, type TaskReference, type TaskRunView, taskReferenceOf, taskRunPort } from "./run-port.ts";
import { type RunTaskOptions, runTask, type StartTaskOptions } from "./run-task.ts";
import { skyvernService } from "./service.ts";
import { SkyvernSessions } from "./sessions.ts";
import type { TaskRequest } from "./task.ts";
import { TaskRun } from "./task-run.ts";

const DEFAULT_CLOSE_TIMEOUT_MS = 30_000;

/** What a client is made with. */
export interface SkyvernOptions extends ConnectionOptions {
  /** The organisation's key. Default: the environment variable `SKYVERN_API_KEY`. */
  readonly apiKey?: string | undefined;
  /** Where the API is, without `/v1`. Default: `SKYVERN_BASE_URL`, else the live service. Plain http for this machine only. */
  readonly baseUrl?: string | undefined;
  /** Where pools count that bring no store. Default: this process. */
  readonly leaseStore?: LeaseStore | undefined;
  /**
   * Told of a session that `use` or an aborted `open` could not confirm as stopped, and of the session of a task whose caller has left and
   * whose dispatch was not answered: it may still cost money. Default: a process warning, where the runtime has those.
   */
  readonly onSessionNotStopped?: ((error: SessionNotStoppedError) => void) | undefined;
  /** Told of retries, waits, and of sessions as they open and stop. It is not waited for, and what it throws is ignored. Default: nobody is. */
  readonly onEvent?: ((event: ClientEvent) => void) | undefined;
}

/**
 * A client of Skyvern, for one organisation's key. It holds no connection; what it opens must be stopped, each by itself or all by
 * {@link Skyvern.close}.
 *
 * @throws {@link InvalidInputError} from the constructor, for options that cannot be right.
 */
export class Skyvern implements AsyncDisposable {
  /** Every operation of the spec, typed. */
  readonly api: Api<paths>;
  /** Browsers that stay between tasks. */
  readonly sessions: SkyvernSessions;
  /** What browsers remember between sessions. */
  readonly profiles: SkyvernProfiles;
  /** Files for tasks. */
  readonly files: SkyvernFiles;
  readonly #context: SkyvernContext;

  constructor(options: SkyvernOptions = {}) {
    const { leaseStore, onSessionNotStopped, onEvent, ...rest } = options;
    const { apiKey, baseUrl, fetch, headers, timeoutMs, totalTimeoutMs, maxRetries, ...unknown } = rest;
    refuseUnknown(unknown, "Skyvern");
    checkFunction("onSessionNotStopped", onSessionNotStopped);
    checkFunction("onEvent", onEvent);
    const emit = emitter(onEvent);
    const { api } = connect<paths>(skyvernService, rest, emit);
    const reportLeak = leakReporter(onSessionNotStopped ?? warn);
    const living = new Living(reportLeak, LONGEST_LIFE_MS);
    const context: SkyvernContext = {
      api,
      guard: new ProfileGuard(LONGEST_LIFE_MS),
      living,
      watcher: new Watcher(pollersOf({ [API_VERSION]: taskRunList(api) }, emit), emit),
      lanes: new Lanes(),
      doubts: new Doubts(),
      reportLeak,
      emit,
      shared: { leaseStore, pools: living.pools },
    };
    this.#context = context;
    this.api = api;
    this.sessions = new SkyvernSessions(context);
    this.profiles = new SkyvernProfiles(context);
    this.files = new SkyvernFiles(api);
  }

  /**
   * Gives a task to the session that its `browser_session_id` names, or to a browser of its own. With `waitForCompletion`, waits until it
   * is completed and gives the run as the service shows it; without, gives a handle on it at once.
   *
   * In a session, give it a `url`, or `engine: "skyvern-2.0"`: without either the default engine makes an address up, and leaves the page
   * that is open. The session is looked at first: one task at a time.
   *
   * @throws {@link RunFailedError}, {@link TimeoutError} as {@link TaskRun.result} does, when it is waited for.
   * @throws {@link SessionBusyError} while another task runs in the session, {@link SessionStoppedError} after its end. Nothing was dispatched then.
   * @throws {@link InvalidInputError} for fields that do not go together, such as a profile with the default engine, and once the client is closed.
   * @throws {@link ConnectionError}, {@link TimeoutError} with `outcome: "unknown"` when the dispatch was not answered: it is not repeated.
   * @throws `options.signal.reason` when aborted; the run is cancelled.
   * @see `POST /v1/run/tasks`
   */
  runTask(request: TaskRequest, options: RunTaskOptions & { readonly waitForCompletion: true }): Promise<TaskRunView>;
  runTask(request: TaskRequest, options?: StartTaskOptions): Promise<TaskRun>;
  runTask(request: TaskRequest, options: RunTaskOptions): Promise<TaskRunView | TaskRun>;
  async runTask(request: TaskRequest, options: StartTaskOptions | RunTaskOptions = {}): Promise<TaskRunView | TaskRun> {
    return runTask(this.#context, request, options);
  }

  /**
   * Picks up a run that was started before, here or in another process. Asks nothing.
   *
   * @throws {@link InvalidInputError} when the reference is not what `run.toJSON()` gave.
   */
  resume(reference: TaskReference): TaskRun {
    return new TaskRun(this.#context.watcher, taskRunPort(this.api, taskReferenceOf(reference)));
  }

  /**
   * Hands over the run that a verified webhook brought, so that whoever waits for it looks at once. It is a reason to look, never an
   * answer.
   */
  notify(run: { readonly run_id: string }): void {
    this.#context.watcher.notice({ taskId: run?.run_id });
  }

  /**
   * Stops all that this client has opened and has not seen to end: sessions, those that are still on their way in, and what its pools have
   * open, which are closed; runs that are waited for are cancelled. From then on it opens and dispatches nothing more; everything else
   * still works. A stop that is not confirmed after `timeoutMs` (default: 30,000) is reported to `onSessionNotStopped`, and does not make it reject.
   *
   * @throws {@link InvalidInputError} for a `timeoutMs` that cannot be.
   */
  async close(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    const { timeoutMs, ...unknown } = checkGiven("The options of close", options);
    refuseUnknown(unknown, "close");
    return this.#context.living.close(checkMs("timeoutMs", timeoutMs, DEFAULT_CLOSE_TIMEOUT_MS));
  }

  /** {@link Skyvern.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

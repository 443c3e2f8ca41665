import type { paths } from "../generated/api.ts";
import { Billing } from "./billing.ts";
import { Browsers } from "./browsers.ts";
import type { Api } from "./call/api.ts";
import { checkFunction, checkMs, refuseUnknown } from "./call/check.ts";
import { type ConnectionOptions, connect } from "./call/connection.ts";
import type { Context } from "./context.ts";
import { checkMaxCostUsd } from "./costs.ts";
import { InvalidInputError, type SessionNotStoppedError } from "./errors.ts";
import { type ClientEvent, emitter } from "./events.ts";
import { Files } from "./files/files.ts";
import { Workspaces } from "./files/workspaces.ts";
import { leakReporter } from "./leak.ts";
import { Living } from "./living.ts";
import type { LeaseStore } from "./pool/lease-store.ts";
import { ProfileGuard } from "./profile-guard.ts";
import { Profiles } from "./profiles.ts";
import type { SchemaGiven, SchemaOption } from "./runs/run-options.ts";
import { Run } from "./runs/runs.ts";
import { readerOf } from "./runs/schema.ts";
import { pollersOf, type RunNotice, Watcher } from "./runs/watcher.ts";
import { browserUseService } from "./service.ts";
import { V2 } from "./v2/v2.ts";
import { V3 } from "./v3/v3.ts";
import { V4 } from "./v4/v4.ts";
import type { RunReference, VersionReference } from "./versions.ts";
import { referenceOf, runListsOf, runPortOf } from "./versions.ts";
import { warn } from "./warning.ts";

const DEFAULT_CLOSE_TIMEOUT_MS = 30_000;

/** What a client is made with. */
export interface BrowserUseOptions extends ConnectionOptions {
  /** The project's key. Default: the environment variable `BROWSER_USE_API_KEY`. */
  readonly apiKey?: string | undefined;
  /** Where the API is, without `/v3` or another version. Default: `BROWSER_USE_BASE_URL`, else the live service. Plain http for this machine only. */
  readonly baseUrl?: string | undefined;
  /** Cost limit of v3 and v4 runs that bring none of their own, in USD. Default: the service's, which is not published. */
  readonly maxCostUsd?: number | string | undefined;
  /**
   * Whether a task that would go out without a bound on its cost is refused: on v3 and v4 without a `maxCostUsd`, its own or the client's;
   * on v2, which has no such limit, without a `maxSteps`. What is sent through `api` is not looked at. Default: false.
   */
  readonly requireMaxCostUsd?: boolean | undefined;
  /** Where locks are kept that hold across processes: for `profiles.ensure`, and for pools that bring no store. Default: this process. */
  readonly leaseStore?: LeaseStore | undefined;
  /**
   * Told of a session that `use`, a one-shot run or an aborted `open` could not confirm as stopped: it may still cost money. Default: a
   * process warning, where the runtime has those.
   */
  readonly onSessionNotStopped?: ((error: SessionNotStoppedError) => void) | undefined;
  /** Told of retries, waits, and of sessions as they open and stop. It is not waited for, and what it throws is ignored. Default: nobody is. */
  readonly onEvent?: ((event: ClientEvent) => void) | undefined;
}

/**
 * A client of Browser Use Cloud, for one project's key. It holds no connection; what it opens must be stopped, each by itself or all by
 * {@link BrowserUse.close}.
 *
 * @throws {@link InvalidInputError} from the constructor, for options that cannot be right.
 */
export class BrowserUse implements AsyncDisposable {
  /** Every operation of the specs, typed. */
  readonly api: Api;
  /** Sessions that are given tasks, files by presigned POST. */
  readonly v2: V2;
  /** Sessions that run tasks themselves. */
  readonly v3: V3;
  /** Runs that bring their sessions with them, or follow up in one; with files. */
  readonly v4: V4;
  /** What browsers remember between sessions. */
  readonly profiles: Profiles;
  /** Bare browsers for Playwright and Puppeteer. */
  readonly browsers: Browsers;
  /** Uploads to sessions and browsers. */
  readonly files: Files;
  /** Files that outlive v3 sessions. */
  readonly workspaces: Workspaces;
  /** Balance, plan and cap. */
  readonly billing: Billing;
  readonly #living: Living;
  readonly #watcher: Watcher;

  constructor(options: BrowserUseOptions = {}) {
    const { maxCostUsd, requireMaxCostUsd = false, leaseStore, onSessionNotStopped, onEvent, ...rest } = options;
    const { apiKey, baseUrl, fetch, headers, timeoutMs, totalTimeoutMs, maxRetries, ...unknown } = rest;
    refuseUnknown(unknown, "BrowserUse");
    checkMaxCostUsd(maxCostUsd);
    if (typeof requireMaxCostUsd !== "boolean") throw new InvalidInputError("requireMaxCostUsd must be true or false.");
    checkFunction("onSessionNotStopped", onSessionNotStopped);
    checkFunction("onEvent", onEvent);
    const emit = emitter(onEvent);
    const { api, transport } = connect<paths>(browserUseService, rest, emit);
    this.api = api;
    const files = new Files(api, transport);
    this.files = files;
    const reportLeak = leakReporter(onSessionNotStopped ?? warn);
    const living = new Living(reportLeak);
    this.#living = living;
    const watcher = new Watcher(pollersOf(runListsOf(api), emit), emit);
    this.#watcher = watcher;
    const context: Context = {
      api,
      files,
      transport,
      guard: new ProfileGuard(),
      living,
      watcher,
      reportLeak,
      emit,
      shared: { leaseStore, pools: living.pools },
      maxCostUsd,
      requireMaxCostUsd,
    };
    this.v2 = new V2(context);
    this.v3 = new V3(context);
    this.v4 = new V4(context);
    this.profiles = new Profiles(context);
    this.browsers = new Browsers(context);
    this.workspaces = new Workspaces(context);
    this.billing = new Billing(context);
  }

  /**
   * Picks up a run that was started before, here or in another process. Asks nothing.
   *
   * @throws {@link InvalidInputError} when the reference is not what `run.toJSON()` gave.
   */
  resume<Output>(reference: RunReference, options: SchemaGiven<Output>): Run<Output>;
  resume(reference: RunReference, options?: SchemaOption<unknown>): Run<unknown>;
  resume<Output>(reference: VersionReference, options: SchemaGiven<Output>): Run<Output, string | undefined>;
  resume(reference: VersionReference, options?: SchemaOption<unknown>): Run<unknown, string | undefined>;
  resume(reference: VersionReference, options: SchemaOption<unknown> = {}): Run<unknown, string | undefined> {
    const { schema, ...unknown } = options;
    refuseUnknown(unknown, "resume");
    const port = runPortOf(this.api, referenceOf(reference));
    return new Run(this.#watcher, port, schema && readerOf(schema));
  }

  /**
   * Hands over what a verified webhook says, so that whoever waits for that run looks at once. Events may be late, repeated or of no
   * concern here: they are a reason to look, never an answer. While they announce the ends of runs, polling is slower.
   */
  notify(event: RunNotice): void {
    this.#watcher.notice(event);
  }

  /**
   * Stops all that this client has opened and has not seen to end: sessions, browsers and one-shot runs, those that are still on their
   * way in, and what its pools have open, which are closed. From then on it opens nothing more; everything else still works. A stop that
   * is not confirmed after `timeoutMs` (default: 30,000) is reported to `onSessionNotStopped`, and does not make it reject.
   *
   * @throws {@link InvalidInputError} for a `timeoutMs` that cannot be.
   */
  async close(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    const { timeoutMs, ...unknown } = options;
    refuseUnknown(unknown, "close");
    return this.#living.close(checkMs("timeoutMs", timeoutMs, DEFAULT_CLOSE_TIMEOUT_MS));
  }

  /** {@link BrowserUse.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

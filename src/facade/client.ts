import { Billing } from "./billing.ts";
import { Browsers } from "./browsers.ts";
import { type Api, createApi } from "./call/api.ts";
import { checkCount, checkId, checkMs, refuseUnknown } from "./call/check.ts";
import { isRecord } from "./call/redact.ts";
import { createTransport, type Fetch, KEY_HEADER } from "./call/transport.ts";
import type { Context } from "./context.ts";
import { checkMaxCostUsd } from "./costs.ts";
import { InvalidInputError, SessionNotStoppedError } from "./errors.ts";
import { type ClientEvent, emitter } from "./events.ts";
import { Files } from "./files/files.ts";
import { isLoopback } from "./files/store.ts";
import { Workspaces } from "./files/workspaces.ts";
import { Living } from "./living.ts";
import type { LeaseStore } from "./pool/lease-store.ts";
import { ProfileGuard } from "./profile-guard.ts";
import { Profiles } from "./profiles.ts";
import type { SchemaGiven, SchemaOption } from "./runs/run-options.ts";
import { type Baseline, Run, type RunReference } from "./runs/runs.ts";
import { readerOf } from "./runs/schema.ts";
import { pollersOf, type RunNotice, Watcher } from "./runs/watcher.ts";
import { v2RunPort } from "./v2/runs.ts";
import { V2 } from "./v2/v2.ts";
import { v3RunPort } from "./v3/runs.ts";
import { V3 } from "./v3/v3.ts";
import { warn } from "./warning.ts";

const DEFAULT_BASE_URL = "https://api.browser-use.com/api";
const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_TOTAL_TIMEOUT_MS = 120_000;
const DEFAULT_MAX_RETRIES = 3;
const DEFAULT_CLOSE_TIMEOUT_MS = 30_000;

/** What a client is made with. */
export interface BrowserUseOptions {
  /** The project's key. Default: the environment variable `BROWSER_USE_API_KEY`. */
  readonly apiKey?: string | undefined;
  /** Where the API is, without `/v2` or `/v3`. Default: `BROWSER_USE_BASE_URL`, else the live service. Plain http for this machine only. */
  readonly baseUrl?: string | undefined;
  /** What sends requests. Default: the global `fetch`, looked up at each call. */
  readonly fetch?: Fetch | undefined;
  /** Headers that go with every call to the API. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Limit of one HTTP attempt with its body, in milliseconds. Default: 60,000. */
  readonly timeoutMs?: number | undefined;
  /** Limit of one call with all its retries, in milliseconds. Default: 120,000. */
  readonly totalTimeoutMs?: number | undefined;
  /** How often a call that may be sent again is sent again. Default: 3. */
  readonly maxRetries?: number | undefined;
  /** Cost limit of v3 runs that bring none of their own, in USD. Default: the service's, which it does not publish. */
  readonly maxCostUsd?: number | string | undefined;
  /**
   * Whether a task that would go out without a bound on its cost is refused: on v3 without a `maxCostUsd`, its own or the client's; on v2,
   * which has no such limit, without a `maxSteps`. What is sent through `api` is not looked at. Default: false.
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
    const {
      apiKey,
      baseUrl,
      fetch,
      headers,
      timeoutMs,
      totalTimeoutMs,
      maxRetries,
      maxCostUsd,
      requireMaxCostUsd = false,
      leaseStore,
      onSessionNotStopped,
      onEvent,
      ...unknown
    } = options;
    refuseUnknown(unknown, "BrowserUse");
    const key = checkKey(apiKey ?? fromEnvironment("BROWSER_USE_API_KEY"));
    const base = checkBaseUrl(baseUrl ?? fromEnvironment("BROWSER_USE_BASE_URL") ?? DEFAULT_BASE_URL);
    checkMaxCostUsd(maxCostUsd);
    if (typeof requireMaxCostUsd !== "boolean") throw new InvalidInputError("requireMaxCostUsd must be true or false.");
    checkFunction("fetch", fetch);
    checkFunction("onSessionNotStopped", onSessionNotStopped);
    checkFunction("onEvent", onEvent);
    const emit = emitter(onEvent);
    const transport = createTransport(key, base, fetch, emit);
    this.api = createApi(transport, {
      apiKey: key,
      baseUrl: base,
      headers: checkHeaders(headers ?? {}),
      timeoutMs: checkMs("timeoutMs", timeoutMs, DEFAULT_TIMEOUT_MS),
      totalTimeoutMs: checkMs("totalTimeoutMs", totalTimeoutMs, DEFAULT_TOTAL_TIMEOUT_MS),
      maxRetries: checkCount("maxRetries", maxRetries, DEFAULT_MAX_RETRIES),
    });
    this.files = new Files(this.api, transport);
    const reportLeak = leakReporter(onSessionNotStopped ?? warn);
    const living = new Living(reportLeak);
    this.#living = living;
    const watcher = new Watcher(pollersOf(this.api, emit), emit);
    this.#watcher = watcher;
    const { api, files } = this;
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
  resume(reference: RunReference, options: SchemaOption<unknown> = {}): Run<unknown> {
    const { schema, ...unknown } = options;
    refuseUnknown(unknown, "resume");
    const known = checkReference(reference);
    const { id, sessionId } = known;
    const port =
      known.apiVersion === "v2" ? v2RunPort(this.api, id, sessionId) : v3RunPort(this.api, sessionId, known.baseline);
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

/** The environment, in runtimes that have one. */
function fromEnvironment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return process?.env?.[name] || undefined;
}

/** The key goes into a header, and is never repeated in a message. */
function checkKey(key: unknown): string {
  if (key === undefined || key === "")
    throw new InvalidInputError("No API key: pass apiKey, or set BROWSER_USE_API_KEY.");
  if (typeof key === "string" && /^[\x21-\x7e]+$/.test(key)) return key;
  throw new InvalidInputError("apiKey must be plain text without spaces, line ends or control characters.");
}

function checkBaseUrl(text: string): string {
  const url = typeof text === "string" && URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.username || url.password || /[?#]/.test(url.href)) {
    throw new InvalidInputError(
      "baseUrl must be a URL without credentials, query and fragment, such as https://api.browser-use.com/api.",
    );
  }
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    throw new InvalidInputError("baseUrl must be https; plain http is for this machine only.");
  }
  const base = url.href.replace(/\/+$/, "");
  if (/\/v\d+$/.test(base)) throw new InvalidInputError("baseUrl must end before the version: leave out /v2 or /v3.");
  return base;
}

const CREDENTIAL_HEADERS = [KEY_HEADER, "Authorization", "Cookie"];
const BODY_HEADERS = ["Content-Type", "Content-Length", "Transfer-Encoding"];

function checkHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const given = toHeaders(headers);
  const credential = CREDENTIAL_HEADERS.find((name) => given.has(name));
  if (credential) throw new InvalidInputError(`headers must not set ${credential}: the key goes into apiKey.`);
  const ofBody = BODY_HEADERS.find((name) => given.has(name));
  if (ofBody) throw new InvalidInputError(`headers must not set ${ofBody}: it follows from the body.`);
  return Object.fromEntries(given);
}

/** Values are never repeated in a message: they may be secret. */
function toHeaders(headers: Readonly<Record<string, string>>): Headers {
  try {
    return new Headers(headers);
  } catch {
    throw new InvalidInputError("headers has a name or a value that HTTP does not allow.");
  }
}

function checkFunction(name: string, value: unknown): void {
  if (value == null || typeof value === "function") return;
  throw new InvalidInputError(`${name} must be a function.`);
}

function checkReference(reference: unknown): RunReference {
  const wrong = new InvalidInputError(
    "resume takes what run.toJSON() gave: { apiVersion, id, sessionId }, and a baseline for v3.",
  );
  if (!isRecord(reference)) throw wrong;
  const { apiVersion, id, sessionId, baseline } = reference;
  const ids = { id: checkId("id", id), sessionId: checkId("sessionId", sessionId) };
  if (apiVersion === "v2") return { apiVersion, ...ids };
  if (apiVersion === "v3" && isBaseline(baseline)) return { apiVersion, ...ids, baseline };
  throw wrong;
}

function isBaseline(value: unknown): value is Baseline {
  if (!isRecord(value)) return false;
  const { messageId, stepCount, totalCostUsd } = value;
  return (
    (messageId === null || typeof messageId === "string") &&
    typeof stepCount === "number" &&
    typeof totalCostUsd === "string"
  );
}

/** What is gone leaks nothing, everything else may: told once, whoever waited for the stop. A report that throws takes nobody's result away. */
function leakReporter(report: (error: SessionNotStoppedError) => void): (error: unknown) => void {
  const told = new WeakSet<Error>();
  return (error) => {
    if (!(error instanceof SessionNotStoppedError) || told.has(error)) return;
    told.add(error);
    try {
      Promise.resolve(report(error)).catch(() => warn(error));
    } catch {
      warn(error);
    }
  };
}

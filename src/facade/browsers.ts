import { projectAccount } from "./account.ts";
import { browserSettings, type CustomProxyInput } from "./browser-settings.ts";
import { complete, viewOf } from "./call/answers.ts";
import type { Api } from "./call/api.ts";
import { checkId, refuseUnknown } from "./call/check.ts";
import { allPages, PAGE_SIZE } from "./call/pages.ts";
import { checkBody } from "./check-body.ts";
import type { Context } from "./context.ts";
import { type BrowserDownload, browserDownloads } from "./files/browser-downloads.ts";
import type { Download } from "./files/download.ts";
import { type RecordingOptions, waitForRecordings } from "./files/recordings.ts";
import type { UploadedFile } from "./files/storing.ts";
import type { UploadFile, UploadOptions } from "./files/upload.ts";
import { Live, type LivePort, type OpenOptions, type Owner } from "./live.ts";
import { openLive, useLive } from "./living.ts";
import type { PoolSource, SessionPort } from "./pool/session-port.ts";
import { checkedFirst, poolPort } from "./pool-port.ts";
import type { Body, CallOptions, Ok, Open, Query } from "./types.ts";

type BrowserBody = Body<"/v3/browsers", "post">;
const PATH = "/v3/browsers/{session_id}";
const DEFAULT_LIFE_MINUTES = 60;
const ORPHAN_EXTRA_MS = 5 * 60_000;

/** A browser as a whole. */
export interface BrowserView
  extends Readonly<Ok<"/v3/browsers", "post">>,
    Readonly<Partial<Pick<Ok<typeof PATH, "get">, "recordingAvailable">>> {}

/** What a browser is opened with. */
export interface BrowserOpenRequest
  extends Readonly<Omit<BrowserBody, "timeout" | "customProxy" | "proxyCountryCode">> {
  /** How long the browser lives at most, in minutes, 1 to 240. Charged up front, refunded on stop. Default: 60. */
  readonly timeoutMinutes?: number | undefined;
  /** A proxy of your own, as an object or as a URL. */
  readonly customProxy?: CustomProxyInput | null | undefined;
  /** Two lower-case letters, `uk` for Britain; null for no proxy. Default: `us`. */
  readonly proxyCountryCode?: Open<NonNullable<BrowserBody["proxyCountryCode"]>> | null | undefined;
}

/** Which browsers are listed. */
export interface BrowserListRequest extends Readonly<Omit<Query<"/v3/browsers", "get">, "pageSize" | "pageNumber">> {}

function browserPort(api: Api): LivePort<BrowserView> {
  const params = (id: string) => ({ path: { session_id: id } });
  return {
    idOf: ({ id }) => id,
    get: async (id, options) => viewOf(await api.GET(PATH, { params: params(id), ...options }), `GET ${PATH}`, id),
    stop: async (id, options) =>
      (await api.PATCH(PATH, { params: params(id), body: { action: "stop" }, ...options })).data,
    isClosed: (view) => view.status === "stopped",
  };
}

/** A bare browser, driven over the Chrome DevTools Protocol. Closing that connection does not stop it. */
export class BrowserSession extends Live<BrowserView> {
  readonly #context: Context;

  constructor(context: Context, seen: BrowserView | string, owner?: Owner) {
    super(browserPort(context.api), seen, owner);
    this.#context = context;
  }

  /** Where to connect with Playwright or Puppeteer. Whoever has it has the browser: keep it out of logs. */
  get cdpUrl(): string | null | undefined {
    return this.view?.cdpUrl;
  }

  /** Where a person can watch the browser; null when there is none, undefined before the first view. */
  get liveUrl(): string | null | undefined {
    return this.view?.liveUrl;
  }

  /**
   * Puts files where the browser finds them under the names that are returned.
   *
   * @throws {@link InvalidInputError} for a name, size or type that cannot be, before anything is sent.
   * @throws {@link UploadError} when the file store refuses one; `uploaded` has those it took.
   * @see `POST /v2/files/browsers/{session_id}/presigned-url`
   */
  upload(files: UploadFile | readonly UploadFile[], options?: UploadOptions): Promise<UploadedFile[]> {
    return this.taking(this.#context.files.upload({ browserId: this.id }, files, options));
  }

  /**
   * What the browser has downloaded, over all pages. Read each as bytes, text or stream, or give all to `saveFiles`.
   *
   * @see `GET /v3/browsers/{session_id}/downloads`
   */
  downloads(options: CallOptions = {}): AsyncGenerator<Download<BrowserDownload>, void, undefined> {
    return browserDownloads(this.#context, this.id, options);
  }

  /**
   * The recording of this browser, once it is there: its upload begins when the browser has stopped. Empty when there will never be one.
   *
   * @throws {@link TimeoutError} after `waitTimeoutMs`; it may still come.
   * @throws {@link NotFoundError} when there is no such browser.
   * @throws `options.signal.reason` when aborted.
   * @see `GET /v3/browsers/{session_id}`
   */
  async recordings(options?: RecordingOptions): Promise<readonly Download[]> {
    const look = async (limits: CallOptions) => {
      const { recordingUrl, recordingAvailable } = await this.refresh(limits);
      return recordingUrl ? [recordingUrl] : recordingAvailable === false ? "never" : [];
    };
    return waitForRecordings(this.#context, this.id, look, options);
  }
}

function lifeMs({ timeoutMinutes = DEFAULT_LIFE_MINUTES }: BrowserOpenRequest): number {
  return timeoutMinutes * 60_000;
}

function browserBody(request: BrowserOpenRequest): BrowserBody {
  const { timeoutMinutes, ...fields } = browserSettings(request);
  const { timeout, ...rest } = fields as { timeout?: unknown };
  refuseUnknown({ timeout }, "browsers.open");
  const wire = { ...rest, ...(timeoutMinutes !== undefined && { timeout: timeoutMinutes }) };
  return checkBody("POST /v3/browsers", wire, new Map([["timeout", "timeoutMinutes"]])) as BrowserBody;
}

async function createBrowser(api: Api, body: BrowserBody, limits: CallOptions): Promise<BrowserView> {
  return complete(await api.POST("/v3/browsers", { body, ...limits }), "POST /v3/browsers", "id");
}

/** The label by which a pool knows its own. */
const MARK = "browser-use-client-pool";
const MOST_LABELS = 10;

function marked(request: BrowserOpenRequest, mark: string): BrowserOpenRequest {
  const { metadata } = request;
  if (Object.keys(metadata ?? {}).length >= MOST_LABELS) return request;
  return { ...request, metadata: { ...metadata, [MARK]: mark } };
}

function browserSessionPort(context: Context, browsers: Browsers): SessionPort<BrowserOpenRequest, BrowserSession> {
  const live = browserPort(context.api);
  return poolPort<Context, BrowserOpenRequest, BrowserView, BrowserSession>(context, {
    live,
    under: (check) => checkedFirst(context, check),
    account: () => projectAccount(context.api),
    isSaved: ({ finishedAt }) => finishedAt !== null,
    kind: "browser",
    plan: (request) => {
      const longestLifeMs = lifeMs(request);
      const orphanLifeMs = longestLifeMs + ORPHAN_EXTRA_MS;
      const profileId = request.profileId ?? undefined;
      return { request, baked: browserBody(request), profileId, longestLifeMs, orphanLifeMs };
    },
    create: (request, mark, limits) => createBrowser(context.api, browserBody(marked(request, mark)), limits),
    phaseOf: ({ status }) => (status === "stopped" ? "closed" : "idle"),
    list: () => ownBrowsers(browsers.list({ filterBy: "active" })),
    handle: (own, view, _request, owner) => new BrowserSession(own, view, owner),
    attach: (id) => browsers.attach(id),
    isQuiet: (browser) => !browser.isClosed && !browser.isTaking,
  });
}

/** The browsers of agent sessions are listed too, and are not for us to stop. */
async function* ownBrowsers(
  views: AsyncIterable<BrowserView>,
): AsyncGenerator<{ id: string; mark?: string }, void, undefined> {
  for await (const { id, agentSessionId, metadata } of views) {
    const mark = metadata?.[MARK];
    if (!agentSessionId) yield { id, ...(mark !== undefined && { mark }) };
  }
}

/** Bare browsers, without an agent. */
export class Browsers implements PoolSource<BrowserOpenRequest, BrowserSession> {
  /** For `SessionPool`. */
  readonly sessionPort: SessionPort<BrowserOpenRequest, BrowserSession>;
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
    this.sessionPort = browserSessionPort(context, this);
  }

  /**
   * Opens a browser. It costs money until it is stopped: use `await using`, {@link Browsers.use}, or call `stop()`.
   *
   * @throws {@link ProfileInUseError} when a live session of this client has the profile.
   * @throws {@link ConcurrencyLimitError}, {@link InsufficientCreditsError}, {@link NotFoundError} (no such profile).
   * @throws `options.signal.reason` when aborted; a browser that opened all the same is stopped.
   * @see `POST /v3/browsers`
   */
  async open(request: BrowserOpenRequest = {}, options: OpenOptions = {}): Promise<BrowserSession> {
    const body = browserBody(request);
    const { api } = this.#context;
    return openLive(this.#context, {
      kind: "browser",
      options,
      profileId: request.profileId,
      livesMs: lifeMs(request),
      create: (limits) => createBrowser(api, body, limits),
      handle: (view, owner) => new BrowserSession(this.#context, view, owner),
    });
  }

  /**
   * Opens a browser, runs `fn` with it, and stops it whatever happens. A stop that is not confirmed never takes away `fn`'s result, but
   * is reported to the client's `onSessionNotStopped`.
   *
   * @see `POST /v3/browsers`
   */
  use<T>(
    request: BrowserOpenRequest,
    fn: (browser: BrowserSession) => T | Promise<T>,
    options?: OpenOptions,
  ): Promise<T> {
    return useLive(this.#context, () => this.open(request, options), fn);
  }

  /** A handle on a browser that is already there. Asks nothing; disposing it does nothing. */
  attach(id: string): BrowserSession {
    return new BrowserSession(this.#context, checkId("browser id", id));
  }

  /**
   * All browsers of the project, over all pages. Those with an `agentSessionId` belong to agent sessions.
   *
   * @see `GET /v3/browsers`
   */
  list(request: BrowserListRequest = {}, options: CallOptions = {}): AsyncGenerator<BrowserView, void, undefined> {
    const { filterBy, agentSessionId, metadata, ...unknown } = request;
    refuseUnknown(unknown, "browsers.list");
    return allPages(async (pageNumber) => {
      const query = { ...request, pageNumber, pageSize: PAGE_SIZE };
      const answer = await this.#context.api.GET("/v3/browsers", { params: { query }, ...options });
      const data = complete(answer, "GET /v3/browsers", "items");
      return { items: data.items, total: data.totalItems };
    });
  }
}

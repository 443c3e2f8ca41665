import { projectAccount } from "../account.ts";
import { AgentSession } from "../agent-session.ts";
import { browserSettings } from "../browser-settings.ts";
import { complete, viewOf } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import { checkId } from "../call/check.ts";
import { allPages, PAGE_SIZE } from "../call/pages.ts";
import { pollDelayMs, sleep } from "../call/wait.ts";
import { toDate } from "../call/wire.ts";
import { within } from "../call/within.ts";
import { checkBody } from "../check-body.ts";
import type { Context } from "../context.ts";
import { checkMaxCostUsd, refuseUnbounded } from "../costs.ts";
import { InvalidInputError, SessionBusyError, SessionStoppedError, TimeoutError } from "../errors.ts";
import type { Download } from "../files/download.ts";
import { type RecordingOptions, waitForRecordings } from "../files/recordings.ts";
import type { UploadedFile } from "../files/storing.ts";
import type { UploadFile } from "../files/upload.ts";
import { type WorkspaceUploadOptions, workspaceUpload } from "../files/workspace-upload.ts";
import {
  hasUnknownOutcome,
  IDLE_LIFE_MS,
  type LivePort,
  LONGEST_LIFE_MS,
  type OpenOptions,
  type Owner,
} from "../live.ts";
import { openLive, useLive } from "../living.ts";
import type { Phase, PoolSource, SessionPort } from "../pool/session-port.ts";
import { checkedFirst, poolPort, refuseShortLived } from "../pool-port.ts";
import {
  type RunOptions,
  refuseFields,
  type SchemaGiven,
  type StartOptions,
  splitRunOptions,
  splitStartOptions,
} from "../runs/run-options.ts";
import { runToEnd } from "../runs/run-to-end.ts";
import { Run, type RunResult } from "../runs/runs.ts";
import { readerOf } from "../runs/schema.ts";
import type { Body, CallOptions, Open } from "../types.ts";
import { isFromUs, lastMessageId, messagesAfter } from "./messages.ts";
import { type Baseline, FRESH, hasAnswer, isV3Closed, type V3View, v3RunPort } from "./runs.ts";

type SessionBody = Body<"/v3/sessions", "post">;
type BakedName =
  | "profileId"
  | "workspaceId"
  | "proxyCountryCode"
  | "enableRecording"
  | "browserScreenWidth"
  | "browserScreenHeight"
  | "keepAlive";

/** What a v3 session is given once, at its opening. */
export interface V3SessionFields
  extends Readonly<Omit<Pick<SessionBody, BakedName>, "proxyCountryCode" | "keepAlive">> {
  /** Two lower-case letters, `uk` for Britain; null for no proxy. Default: `us`. */
  readonly proxyCountryCode?: Open<NonNullable<SessionBody["proxyCountryCode"]>> | null | undefined;
}

/** What a v3 task may be given beside its text. */
export interface V3TaskFields
  extends Readonly<Omit<SessionBody, BakedName | "task" | "sessionId" | "outputSchema" | "model">> {
  /** Which model runs the task. The service's default is its dearest. */
  readonly model?: Open<NonNullable<SessionBody["model"]>> | undefined;
}

/** What a v3 session is opened with. Fields of a task are repeated with every task, unless it brings its own. */
export interface V3OpenRequest extends V3SessionFields, V3TaskFields {
  /** Whether the session lives on after a task. Sent with every task. Default: true. */
  readonly keepAlive?: boolean | undefined;
}

/** Options of `session.run` on v3. */
export interface V3RunOptions<Output = unknown> extends V3TaskFields, RunOptions<Output> {}
/** Options of `session.start` on v3. */
export interface V3StartOptions<Output = unknown> extends V3TaskFields, StartOptions<Output> {}

/** What belongs to the opening, and what the handle sets itself: nothing for a task to bring. */
const NOT_FOR_TASKS = [
  "profileId",
  "workspaceId",
  "proxyCountryCode",
  "enableRecording",
  "browserScreenWidth",
  "browserScreenHeight",
  "keepAlive",
  "task",
  "sessionId",
  "outputSchema",
] as const;
const CLOCKS_DIFFER_MS = 60 * 60_000;
const START_TIMEOUT_MS = 180_000;
const SETTLE_LOOKS_MS = [250, 1_000, 2_000];

function v3Port(api: Api): LivePort<V3View> {
  const params = (id: string) => ({ path: { session_id: id } });
  return {
    idOf: ({ id }) => id,
    get: async (id, options) =>
      viewOf(
        await api.GET("/v3/sessions/{session_id}", { params: params(id), ...options }),
        "GET /v3/sessions/{session_id}",
        id,
      ),
    stop: async (id, options) => {
      const body = { strategy: "session" } as const;
      return (await api.POST("/v3/sessions/{session_id}/stop", { params: params(id), body, ...options })).data;
    },
    isClosed: isV3Closed,
  };
}

/** The body of a v3 request, checked before it goes anywhere. */
export function v3Body(context: Context, request: V3OpenRequest, task?: string): SessionBody {
  const { maxCostUsd = context.maxCostUsd } = request;
  checkMaxCostUsd(maxCostUsd);
  if (task !== undefined) refuseUnbounded(context, { maxCostUsd });
  const limited = {
    ...browserSettings(request),
    ...(maxCostUsd !== undefined && { maxCostUsd }),
    ...(task !== undefined && { task }),
  };
  return checkBody("POST /v3/sessions", limited) as SessionBody;
}

/** A script is cached in a workspace, so that without one there is nowhere to put it. */
export function checkCacheScript(
  cacheScript: boolean | null | undefined,
  workspaceId: string | null | undefined,
): void {
  if (cacheScript === true && workspaceId == null) {
    throw new InvalidInputError("cacheScript: true needs a session that was opened with a workspaceId.");
  }
}

/** A live browser of v3 that runs tasks one after the other. */
export class V3Session extends AgentSession<V3View> {
  readonly apiVersion = "v3";
  readonly #context: Context;
  readonly #request: V3OpenRequest;
  /** Whether it was opened with that request. */
  readonly #isOurs: boolean;
  /** Of a session that we opened, nobody else knows: until its first task there is nothing to compare with. */
  #fresh: boolean;
  #lastMessageId: string | null = null;

  constructor(context: Context, seen: V3View | string, request: V3OpenRequest = {}, owner?: Owner) {
    super(v3Port(context.api), seen, owner);
    this.#context = context;
    this.#request = request;
    this.#isOurs = owner !== undefined;
    this.#fresh = owner !== undefined && owner.giveBack === undefined;
  }

  /** Where a person can watch the browser; null when there is none, undefined before the first view. */
  get liveUrl(): string | null | undefined {
    return this.view?.liveUrl;
  }

  /**
   * Runs a task and waits for its answer.
   *
   * @throws {@link RunFailedError}, {@link OutputValidationError}, {@link TimeoutError} as {@link Run.result} does.
   * @throws {@link SessionBusyError} while another task runs here, {@link SessionStoppedError} after the end.
   * @throws `options.signal.reason` when aborted; the task is stopped, the session lives on.
   * @see `POST /v3/sessions`
   */
  async run<Output>(task: string, options: V3RunOptions<Output> & SchemaGiven<Output>): Promise<RunResult<Output>>;
  async run(task: string, options?: V3RunOptions): Promise<RunResult<unknown>>;
  async run(task: string, options: V3RunOptions = {}): Promise<RunResult<unknown>> {
    const { waiting, starting } = splitRunOptions(options);
    return runToEnd((signal) => this.start(task, { ...starting, signal }), waiting);
  }

  /**
   * Waits until the session is ready, dispatches a task, and gives its run.
   *
   * @throws {@link SessionBusyError} while another task runs here, {@link SessionStoppedError} after the end.
   * @throws {@link ConnectionError}, {@link TimeoutError} with `outcome: "unknown"` when the dispatch could not be settled.
   * @throws `options.signal.reason` when aborted; a task that was dispatched all the same is stopped.
   * @see `POST /v3/sessions`
   */
  async start<Output>(task: string, options: V3StartOptions<Output> & SchemaGiven<Output>): Promise<Run<Output>>;
  async start(task: string, options?: V3StartOptions): Promise<Run<unknown>>;
  async start(task: string, options: V3StartOptions = {}): Promise<Run<unknown>> {
    const { schema, signal, limits, fields } = splitStartOptions<unknown, V3StartOptions>(options);
    refuseFields(fields, "session.start", ...NOT_FOR_TASKS);
    const reader = schema && readerOf(schema);
    const body = this.#body(task, fields, reader?.jsonSchema);
    signal?.throwIfAborted();
    const { api, watcher } = this.#context;
    return this.alone({ ...limits, signal }, async () => {
      const baseline = await within(
        START_TIMEOUT_MS,
        () => this.#notReady(),
        signal,
        async (own) => {
          const view = await this.#untilReady({ ...limits, signal: own });
          checkCacheScript(fields.cacheScript, view.workspaceId);
          return this.#baseline(view, { ...limits, signal: own });
        },
      );
      signal?.throwIfAborted();
      if (this.isClosed) throw new SessionStoppedError(this.id);
      this.#fresh = false;
      await api.POST("/v3/sessions", { body, ...limits }).catch((error) => this.#settle(baseline, error));
      return new Run(watcher, v3RunPort(api, this.id, baseline, performance.now()), reader);
    });
  }

  /**
   * Puts files into the workspace of this session, where its agent and every later session with the same workspace find them, under the
   * paths that are returned as `fileName`. Otherwise as {@link Workspaces.upload}.
   *
   * @throws {@link InvalidInputError} for a name, size or type that cannot be, and for a session without a workspace, before any file is sent.
   * @throws {@link UploadError} when the file store refuses one; `uploaded` has those it took.
   * @see `POST /v3/workspaces/{workspace_id}/files/upload`
   */
  async upload(
    files: UploadFile | readonly UploadFile[],
    options: WorkspaceUploadOptions = {},
  ): Promise<UploadedFile[]> {
    const upload = workspaceUpload(this.#context, files, options, "session.upload");
    return this.taking(this.#workspaceId(options.signal).then(upload));
  }

  /**
   * The recordings of this session, once they are there: the upload begins when the session has stopped. Empty when there will never be any:
   * this handle has opened the session, and not with `enableRecording`.
   *
   * @throws {@link TimeoutError} after `waitTimeoutMs`; they may still come.
   * @throws {@link NotFoundError} when there is no such session.
   * @throws `options.signal.reason` when aborted.
   * @see `GET /v3/sessions/{session_id}`
   */
  async recordings(options?: RecordingOptions): Promise<readonly Download[]> {
    const look = async (limits: CallOptions) => {
      if (this.#isOurs && this.#request.enableRecording !== true) return "never";
      return (await this.refresh(limits)).recordingUrls ?? [];
    };
    return waitForRecordings(this.#context, this.id, look, options);
  }

  async #workspaceId(signal: AbortSignal | undefined): Promise<string> {
    const view = this.view ?? (await this.refresh({ signal }));
    const id = view.workspaceId ?? this.#request.workspaceId;
    if (id) return id;
    throw new InvalidInputError(
      `Session ${this.id} has no workspace to put files into: open one with v3.sessions.open({ workspaceId }).`,
    );
  }

  /** The fields of a task that were given at the opening are sent again; those that are baked in are not. */
  #body(task: string, fields: V3TaskFields, outputSchema: SessionBody["outputSchema"]): SessionBody {
    const {
      profileId,
      workspaceId,
      proxyCountryCode,
      enableRecording,
      browserScreenWidth,
      browserScreenHeight,
      ...defaults
    } = this.#request;
    const keepAlive = defaults.keepAlive ?? true;
    const body = v3Body(this.#context, { ...defaults, ...fields, keepAlive }, task);
    return { ...body, sessionId: this.id, ...(outputSchema && { outputSchema }) };
  }

  /** A v3 session takes a task only when it is idle; a new one needs a while to get there. */
  async #untilReady(options: CallOptions): Promise<V3View> {
    const begun = performance.now();
    for (;;) {
      const view = await this.refresh(options);
      if (view.status === "idle") return view;
      if (this.isClosed) throw new SessionStoppedError(this.id);
      if (view.status === "running") throw new SessionBusyError(this.id);
      await sleep(pollDelayMs(performance.now() - begun), options.signal);
    }
  }

  #notReady(): TimeoutError {
    const timeoutMs = START_TIMEOUT_MS;
    const message = `Session ${this.id} was not ready for a task within ${timeoutMs} ms; it is still ${this.view?.status}.`;
    return new TimeoutError(message, { operation: "GET /v3/sessions/{session_id}", timeoutMs });
  }

  async #baseline(view: V3View, options: CallOptions): Promise<Baseline> {
    const answered = hasAnswer(view);
    const stepCount = view.stepCount ?? 0;
    const totalCostUsd = view.totalCostUsd ?? "0";
    if (this.#fresh && stepCount === 0 && !answered) return { ...FRESH, totalCostUsd };
    this.#lastMessageId = await lastMessageId(this.#context.api, this.id, this.#lastMessageId, options);
    return { messageId: this.#lastMessageId, stepCount, totalCostUsd, ...(answered && { answered }) };
  }

  /** After a dispatch without an answer: it was carried out when something newer than the baseline shows it. */
  async #settle(baseline: Baseline, error: unknown): Promise<void> {
    if (!hasUnknownOutcome(error)) throw error;
    for (const delayMs of SETTLE_LOOKS_MS) {
      await sleep(delayMs);
      if (await this.#showsDispatch(baseline).catch(() => false)) return;
    }
    throw error;
  }

  async #showsDispatch(baseline: Baseline): Promise<boolean> {
    const view = await this.refresh();
    if (view.status === "running" || view.stepCount > baseline.stepCount) return true;
    return (await messagesAfter(this.#context.api, this.id, baseline.messageId, {})).some(isFromUs);
  }
}

function v3OpenBody(context: Context, request: V3OpenRequest): SessionBody {
  refuseFields(request, "v3.sessions.open", "task", "sessionId", "outputSchema");
  checkCacheScript(request.cacheScript, request.workspaceId);
  return v3Body(context, { ...request, keepAlive: request.keepAlive ?? true });
}

async function createV3(api: Api, body: SessionBody, limits: CallOptions): Promise<V3View> {
  return complete(await api.POST("/v3/sessions", { body, ...limits }), "POST /v3/sessions", "id");
}

function v3Phase(view: V3View): Phase {
  if (isV3Closed(view)) return "closed";
  if (view.status === "created") return "starting";
  return view.status === "idle" ? "idle" : "busy";
}

/** What each task brings for itself; all else may have become a part of the session. */
const OF_EACH_TASK = [
  "model",
  "thinkingLevel",
  "maxCostUsd",
  "sensitiveData",
  "cacheScript",
  "autoHeal",
  "codeMode",
] as const satisfies readonly (keyof V3TaskFields)[];

function v3SessionPort(context: Context, sessions: V3Sessions): SessionPort<V3OpenRequest, V3Session> {
  const live = v3Port(context.api);
  return poolPort<Context, V3OpenRequest, V3View, V3Session>(context, {
    live,
    under: (check) => checkedFirst(context, check),
    account: () => projectAccount(context.api),
    isSaved: () => true,
    kind: "v3.session",
    plan: (request) => {
      refuseShortLived(request);
      const baked: SessionBody = v3OpenBody(context, request);
      for (const field of OF_EACH_TASK) delete baked[field];
      const profileId = request.profileId ?? undefined;
      return { request, baked, profileId, longestLifeMs: LONGEST_LIFE_MS, orphanLifeMs: IDLE_LIFE_MS };
    },
    create: (request, _mark, limits) => createV3(context.api, v3OpenBody(context, request), limits),
    phaseOf: v3Phase,
    list: () => liveV3(sessions.list()),
    handle: (own, view, request, owner) => new V3Session(own, view, request, owner),
    attach: (id) => sessions.attach(id),
    isQuiet: (session) => session.isQuiet,
  });
}

/**
 * The list has no filter, and years of ended sessions. Where it is seen to be in order, newest first, what is too old to live ends it;
 * one item alone shows no order.
 */
async function* liveV3(views: AsyncIterable<V3View>): AsyncGenerator<V3View, void, undefined> {
  const oldest = Date.now() - LONGEST_LIFE_MS - CLOCKS_DIFFER_MS;
  let last = Number.POSITIVE_INFINITY;
  let inOrder = true;
  let falls = false;
  for await (const view of views) {
    const createdAt = toDate(view.createdAt)?.getTime() ?? Number.NaN;
    inOrder &&= createdAt <= last;
    falls ||= createdAt < last && last !== Number.POSITIVE_INFINITY;
    last = createdAt;
    if (inOrder && falls && createdAt < oldest) return;
    if (!isV3Closed(view)) yield view;
  }
}

/** Sessions of v3. */
export class V3Sessions implements PoolSource<V3OpenRequest, V3Session> {
  /** For `SessionPool`. */
  readonly sessionPort: SessionPort<V3OpenRequest, V3Session>;
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
    this.sessionPort = v3SessionPort(context, this);
  }

  /**
   * Opens a session without a task. It costs money until it is stopped: use `await using`, {@link V3Sessions.use}, or call `stop()`.
   *
   * @throws {@link ProfileInUseError} when a live session of this client has the profile.
   * @throws {@link ConcurrencyLimitError}, {@link InsufficientCreditsError}, {@link NotFoundError} (no such profile).
   * @throws `options.signal.reason` when aborted; a session that opened all the same is stopped.
   * @see `POST /v3/sessions`
   */
  async open(request: V3OpenRequest = {}, options: OpenOptions = {}): Promise<V3Session> {
    const body = v3OpenBody(this.#context, request);
    const { api } = this.#context;
    return openLive(this.#context, {
      kind: "v3.session",
      options,
      profileId: request.profileId,
      livesMs: IDLE_LIFE_MS,
      create: (limits) => createV3(api, body, limits),
      handle: (view, owner) => new V3Session(this.#context, view, request, owner),
    });
  }

  /**
   * Opens a session, runs `fn` with it, and stops it whatever happens, which saves the profile. Rejects as `open` or as `fn` does; a
   * stop that is not confirmed never takes away `fn`'s result, but is reported to the client's `onSessionNotStopped`.
   *
   * @see `POST /v3/sessions`
   */
  use<T>(request: V3OpenRequest, fn: (session: V3Session) => T | Promise<T>, options?: OpenOptions): Promise<T> {
    return useLive(this.#context, () => this.open(request, options), fn);
  }

  /** A handle on a session that is already there. Asks nothing; disposing it does nothing. */
  attach(id: string): V3Session {
    return new V3Session(this.#context, checkId("session id", id));
  }

  /**
   * All sessions of the project, over all pages.
   *
   * @see `GET /v3/sessions`
   */
  list(options: CallOptions = {}): AsyncGenerator<V3View, void, undefined> {
    return allPages(async (page) => {
      const query = { page, page_size: PAGE_SIZE };
      const answer = await this.#context.api.GET("/v3/sessions", { params: { query }, ...options });
      const data = complete(answer, "GET /v3/sessions", "sessions");
      return { items: data.sessions, total: data.total };
    });
  }
}

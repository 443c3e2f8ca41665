import { projectAccount } from "../account.ts";
import { AgentSession } from "../agent-session.ts";
import { browserSettings, type CustomProxyInput } from "../browser-settings.ts";
import { complete, viewOf } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import { checkId, refuseUnknown } from "../call/check.ts";
import { allPages, PAGE_SIZE } from "../call/pages.ts";
import { sleep } from "../call/wait.ts";
import { checkBody } from "../check-body.ts";
import type { Context } from "../context.ts";
import { refuseUnbounded } from "../costs.ts";
import { SessionStoppedError } from "../errors.ts";
import type { Download } from "../files/download.ts";
import { type RecordingOptions, waitForRecordings } from "../files/recordings.ts";
import type { UploadedFile } from "../files/storing.ts";
import type { UploadFile, UploadOptions } from "../files/upload.ts";
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
import type { Body, CallOptions, Ok, Open, Query } from "../types.ts";
import { TERMINAL, v2RunPort } from "./runs.ts";

type SessionBody = Body<"/v2/sessions", "post">;
type TaskBody = Body<"/v2/tasks", "post">;
type Llm = NonNullable<TaskBody["llm"]>;

/** A session in a list, or fresh from its creation. */
export interface V2SessionItemView extends Readonly<Ok<"/v2/sessions", "post">> {}
/** A session as a whole; `tasks` is there once it was asked for. */
export interface V2SessionView
  extends V2SessionItemView,
    Readonly<Partial<Pick<Ok<"/v2/sessions/{session_id}", "get">, "tasks" | "publicShareUrl">>> {}

/** What a v2 session is opened with. */
export interface V2OpenRequest extends Readonly<Omit<SessionBody, "customProxy" | "proxyCountryCode">> {
  /** A proxy of your own, as an object or as a URL. */
  readonly customProxy?: CustomProxyInput | null | undefined;
  /** Two lower-case letters, `uk` for Britain; null for no proxy. Default: `us`. */
  readonly proxyCountryCode?: Open<NonNullable<SessionBody["proxyCountryCode"]>> | null | undefined;
}

/** What a v2 task may be given beside its text. */
export interface V2TaskFields
  extends Readonly<Omit<TaskBody, "task" | "sessionId" | "sessionSettings" | "structuredOutput" | "llm" | "judgeLlm">> {
  /** Which model runs the task. */
  readonly llm?: Open<Llm> | undefined;
  /** Which model judges the result. */
  readonly judgeLlm?: Open<Llm> | null | undefined;
}

/** Options of `session.run` on v2. */
export interface V2RunOptions<Output = unknown> extends V2TaskFields, RunOptions<Output> {}
/** Options of `session.start` on v2. */
export interface V2StartOptions<Output = unknown> extends V2TaskFields, StartOptions<Output> {}

type Settled = { readonly id: string };
const SETTLE_LOOKS_MS = [250, 1_000, 2_000];

function v2Port(api: Api): LivePort<V2SessionView> {
  const params = (id: string) => ({ path: { session_id: id } });
  return {
    idOf: ({ id }) => id,
    get: async (id, options) =>
      viewOf(
        await api.GET("/v2/sessions/{session_id}", { params: params(id), ...options }),
        "GET /v2/sessions/{session_id}",
        id,
      ),
    stop: async (id, options) =>
      (await api.PATCH("/v2/sessions/{session_id}", { params: params(id), body: { action: "stop" }, ...options })).data,
    isClosed: (view) => view.status === "stopped",
  };
}

/** A live browser of v2 that runs tasks one after the other. */
export class V2Session extends AgentSession<V2SessionView> {
  readonly apiVersion = "v2";
  readonly #context: Context;
  /** Tasks that were there before; without them a lost dispatch cannot be told from an older one. */
  #knownTasks: Set<string> | undefined;
  /** Undefined when it was opened elsewhere. */
  readonly #isRecorded: boolean | undefined;

  constructor(context: Context, seen: V2SessionView | string, owner?: Owner, request?: V2OpenRequest) {
    super(v2Port(context.api), seen, owner);
    this.#context = context;
    this.#isRecorded = request && request.enableRecording === true;
    if (owner) this.#knownTasks = new Set(this.view?.tasks?.map(({ id }) => id));
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
   * @see `POST /v2/tasks`
   */
  async run<Output>(task: string, options: V2RunOptions<Output> & SchemaGiven<Output>): Promise<RunResult<Output>>;
  async run(
    task: string,
    options?: V2RunOptions<never> & { readonly schema?: undefined },
  ): Promise<RunResult<string | null>>;
  async run<Output>(task: string, options: V2RunOptions<Output>): Promise<RunResult<Output | string | null>>;
  async run(task: string, options: V2RunOptions = {}): Promise<RunResult<unknown>> {
    const { waiting, starting } = splitRunOptions(options);
    return runToEnd((signal) => this.start(task, { ...starting, signal }), waiting);
  }

  /**
   * Dispatches a task and gives its run, whose id is known before anybody waits.
   *
   * @throws {@link SessionBusyError} while another task runs here, {@link SessionStoppedError} after the end.
   * @throws {@link ConnectionError}, {@link TimeoutError} with `outcome: "unknown"` when the dispatch could not be settled.
   * @throws `options.signal.reason` when aborted; a task that was dispatched all the same is stopped.
   * @see `POST /v2/tasks`
   */
  async start<Output>(task: string, options: V2StartOptions<Output> & SchemaGiven<Output>): Promise<Run<Output>>;
  async start(
    task: string,
    options?: V2StartOptions<never> & { readonly schema?: undefined },
  ): Promise<Run<string | null>>;
  async start<Output>(task: string, options: V2StartOptions<Output>): Promise<Run<Output | string | null>>;
  async start(task: string, options: V2StartOptions = {}): Promise<Run<unknown>> {
    const { schema, signal, limits, fields } = splitStartOptions<unknown, V2StartOptions>(options);
    refuseFields(fields, "session.start", "task", "sessionId", "sessionSettings", "structuredOutput");
    refuseUnbounded(this.#context, { maxSteps: fields.maxSteps });
    const reader = schema && readerOf(schema);
    const structuredOutput = reader && JSON.stringify(reader.jsonSchema);
    const body = checkBody("POST /v2/tasks", {
      ...fields,
      task,
      sessionId: this.id,
      ...(reader && { structuredOutput }),
    });
    signal?.throwIfAborted();
    return this.alone({ ...limits, signal }, async () => {
      signal?.throwIfAborted();
      if (this.isClosed) throw new SessionStoppedError(this.id);
      const id = await this.#dispatch(body as TaskBody, limits);
      const { api, watcher } = this.#context;
      return new Run(watcher, v2RunPort(api, id, this.id, performance.now()), reader);
    });
  }

  /**
   * Puts files where the agent finds them under the names that are returned.
   *
   * @throws {@link InvalidInputError} for a name, size or type that cannot be, before anything is sent.
   * @throws {@link UploadError} when the file store refuses one; `uploaded` has those it took.
   * @see `POST /v2/files/sessions/{session_id}/presigned-url`
   */
  upload(files: UploadFile | readonly UploadFile[], options?: UploadOptions): Promise<UploadedFile[]> {
    return this.taking(this.#context.files.upload({ sessionId: this.id }, files, options));
  }

  /**
   * The recording of this session, once it is there: the upload begins when the session has stopped. Empty when there will never be one:
   * this handle has opened the session, and not with `enableRecording`.
   *
   * @throws {@link TimeoutError} after `waitTimeoutMs`; it may still come.
   * @throws {@link NotFoundError} when there is no such session.
   * @throws `options.signal.reason` when aborted.
   * @see `GET /v2/sessions/{session_id}`
   */
  async recordings(options?: RecordingOptions): Promise<readonly Download[]> {
    const look = async (limits: CallOptions) => {
      if (this.#isRecorded === false) return "never";
      const { recordingUrl } = await this.refresh(limits);
      return recordingUrl ? [recordingUrl] : [];
    };
    return waitForRecordings(this.#context, this.id, look, options);
  }

  protected override see(view: V2SessionView): V2SessionView {
    const tasks = view.tasks?.map(({ id }) => id) ?? [];
    if (view.tasks) this.#knownTasks = new Set([...(this.#knownTasks ?? []), ...tasks]);
    return super.see(view);
  }

  async #dispatch(body: TaskBody, limits: CallOptions): Promise<string> {
    const { id } = await this.#context.api
      .POST("/v2/tasks", { body, ...limits })
      .then((answer): Settled => complete(answer, "POST /v2/tasks", "id"))
      .catch((error) => this.#settle(body, error));
    this.#knownTasks?.add(id);
    return id;
  }

  /** After a dispatch without an answer: a task that was not there before, with the same text, is ours. */
  async #settle(body: TaskBody, error: unknown): Promise<Settled> {
    const known = this.#knownTasks;
    if (!hasUnknownOutcome(error) || !known) throw error;
    for (const delayMs of SETTLE_LOOKS_MS) {
      await sleep(delayMs);
      const query = { sessionId: this.id, pageSize: PAGE_SIZE };
      const page = await this.#context.api.GET("/v2/tasks", { params: { query } }).catch(() => undefined);
      const found = page?.data.items?.find(({ id, task }) => !known.has(id) && task === body.task);
      if (found) return found;
    }
    throw error;
  }
}

function v2Body(request: V2OpenRequest): SessionBody {
  return checkBody("POST /v2/sessions", browserSettings(request)) as SessionBody;
}

async function createV2(api: Api, body: SessionBody, limits: CallOptions): Promise<V2SessionView> {
  return complete(await api.POST("/v2/sessions", { body, ...limits }), "POST /v2/sessions", "id");
}

function v2Phase({ status, tasks }: V2SessionView): Phase {
  if (status === "stopped") return "closed";
  return tasks?.some((task) => !TERMINAL.has(task.status)) ? "busy" : "idle";
}

/** All of a v2 session is baked in. Of a group, one caller's task must not be told to the next. */
function v2SessionPort(context: Context, sessions: V2Sessions): SessionPort<V2OpenRequest, V2Session> {
  const live = v2Port(context.api);
  return poolPort<Context, V2OpenRequest, V2SessionView, V2Session>(context, {
    live,
    under: (check) => checkedFirst(context, check),
    account: () => projectAccount(context.api),
    isSaved: ({ finishedAt }) => finishedAt !== null,
    kind: "v2.session",
    plan: (given, group) => {
      const request = group ? { ...given, persistMemory: given.persistMemory ?? false } : given;
      refuseShortLived(request);
      const profileId = request.profileId ?? undefined;
      return {
        request,
        baked: v2Body(request),
        profileId,
        longestLifeMs: LONGEST_LIFE_MS,
        orphanLifeMs: IDLE_LIFE_MS,
      };
    },
    create: (request, _mark, limits) => createV2(context.api, v2Body(request), limits),
    phaseOf: v2Phase,
    list: () => sessions.list({ filterBy: "active" }),
    handle: (own, view, request, owner) => new V2Session(own, view, owner, request),
    attach: (id) => sessions.attach(id),
    isQuiet: (session) => session.isQuiet,
  });
}

/** Which sessions are listed. */
export interface V2ListRequest extends Readonly<Pick<Query<"/v2/sessions", "get">, "filterBy">> {}

/** Sessions of v2. */
export class V2Sessions implements PoolSource<V2OpenRequest, V2Session> {
  /** For `SessionPool`. */
  readonly sessionPort: SessionPort<V2OpenRequest, V2Session>;
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
    this.sessionPort = v2SessionPort(context, this);
  }

  /**
   * Opens a session. It costs money until it is stopped: use `await using`, {@link V2Sessions.use}, or call `stop()`.
   *
   * @throws {@link ProfileInUseError} when a live session of this client has the profile.
   * @throws {@link ConcurrencyLimitError}, {@link InsufficientCreditsError}, {@link NotFoundError} (no such profile).
   * @throws `options.signal.reason` when aborted; a session that opened all the same is stopped.
   * @see `POST /v2/sessions`
   */
  async open(request: V2OpenRequest = {}, options: OpenOptions = {}): Promise<V2Session> {
    const body = v2Body(request);
    const { api } = this.#context;
    return openLive(this.#context, {
      kind: "v2.session",
      options,
      profileId: request.profileId,
      livesMs: IDLE_LIFE_MS,
      create: (limits) => createV2(api, body, limits),
      handle: (view, owner) => new V2Session(this.#context, view, owner, request),
    });
  }

  /**
   * Opens a session, runs `fn` with it, and stops it whatever happens, which saves the profile. Rejects as `open` or as `fn` does; a
   * stop that is not confirmed never takes away `fn`'s result, but is reported to the client's `onSessionNotStopped`.
   *
   * @see `POST /v2/sessions`
   */
  use<T>(request: V2OpenRequest, fn: (session: V2Session) => T | Promise<T>, options?: OpenOptions): Promise<T> {
    return useLive(this.#context, () => this.open(request, options), fn);
  }

  /** A handle on a session that is already there. Asks nothing; disposing it does nothing. */
  attach(id: string): V2Session {
    return new V2Session(this.#context, checkId("session id", id));
  }

  /**
   * All sessions of the project, over all pages.
   *
   * @see `GET /v2/sessions`
   */
  list(request: V2ListRequest = {}, options: CallOptions = {}): AsyncGenerator<V2SessionItemView, void, undefined> {
    const { filterBy, ...unknown } = request;
    refuseUnknown(unknown, "v2.sessions.list");
    return allPages(async (pageNumber) => {
      const query = { pageNumber, pageSize: PAGE_SIZE, ...(filterBy && { filterBy }) };
      const answer = await this.#context.api.GET("/v2/sessions", { params: { query }, ...options });
      const data = complete(answer, "GET /v2/sessions", "items");
      return { items: data.items, total: data.totalItems };
    });
  }
}

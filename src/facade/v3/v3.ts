import { complete } from "../call/answers.ts";
import type { Context } from "../context.ts";
import { LONGEST_LIFE_MS } from "../live.ts";
import { openLive, useLive } from "../living.ts";
import type { ProfileAccess } from "../profile-guard.ts";
import {
  type RunOptions,
  refuseFields,
  type SchemaGiven,
  splitRunOptions,
  splitStartOptions,
} from "../runs/run-options.ts";
import { startInTime } from "../runs/run-to-end.ts";
import { deadlineOf, Run, type RunResult, resultBy } from "../runs/runs.ts";
import { readerOf } from "../runs/schema.ts";
import { FRESH, v3RunPort } from "./runs.ts";
import {
  checkCacheScript,
  V3Session,
  type V3SessionFields,
  V3Sessions,
  type V3TaskFields,
  v3Body,
} from "./sessions.ts";

/** Options of `v3.run`: those of a task, and what its session is opened with. */
export interface V3OneShotOptions<Output = unknown> extends V3TaskFields, V3SessionFields, RunOptions<Output> {
  /** `"exclusive"`: refuse a profile that a live session of this client has; `"shared"`: let the last stop win. Default: `"exclusive"`. */
  readonly profileAccess?: ProfileAccess | undefined;
}

/** The API's third version: sessions that run tasks themselves. */
export class V3 {
  readonly sessions: V3Sessions;
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
    this.sessions = new V3Sessions(context);
  }

  /**
   * Creates a session and runs one task in it, in one call; the session is stopped at the end whatever happens.
   *
   * @throws {@link RunFailedError}, {@link OutputValidationError}, {@link TimeoutError} as {@link Run.result} does.
   * @throws {@link ProfileInUseError} when a live session of this client has the profile.
   * @throws `options.signal.reason` when aborted; task and session are stopped.
   * @see `POST /v3/sessions`
   */
  async run<Output>(task: string, options: V3OneShotOptions<Output> & SchemaGiven<Output>): Promise<RunResult<Output>>;
  async run(task: string, options?: V3OneShotOptions): Promise<RunResult<unknown>>;
  async run(task: string, options: V3OneShotOptions = {}): Promise<RunResult<unknown>> {
    const { waiting, starting } = splitRunOptions(options);
    const { schema, signal, limits, fields } = splitStartOptions<unknown, V3OneShotOptions>(starting);
    const { profileAccess, ...request } = fields;
    refuseFields(request, "v3.run", "task", "sessionId", "outputSchema", "keepAlive");
    const reader = schema && readerOf(schema);
    checkCacheScript(request.cacheScript, request.workspaceId);
    const body = {
      ...v3Body(this.#context, { ...request, keepAlive: false }, task),
      ...(reader && { outputSchema: reader.jsonSchema }),
    };
    const { api, watcher } = this.#context;
    const deadline = deadlineOf(waiting);
    const open = () =>
      startInTime(deadline, signal, (own) =>
        openLive(this.#context, {
          kind: "v3.session",
          options: { ...limits, signal: own, profileAccess },
          profileId: request.profileId,
          livesMs: LONGEST_LIFE_MS,
          create: async (options) =>
            complete(await api.POST("/v3/sessions", { body, ...options }), "POST /v3/sessions", "id"),
          handle: (view, owner) => new V3Session(this.#context, view, {}, owner),
        }),
      );
    return useLive(this.#context, open, ({ id }) =>
      resultBy(new Run(watcher, v3RunPort(api, id, FRESH, performance.now()), reader), deadline, waiting),
    );
  }
}

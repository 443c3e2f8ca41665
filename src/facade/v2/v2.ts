import { browserSettings } from "../browser-settings.ts";
import { complete } from "../call/answers.ts";
import { checkBody } from "../check-body.ts";
import type { Context } from "../context.ts";
import { refuseUnbounded } from "../costs.ts";
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
import type { Body } from "../types.ts";
import { v2RunPort } from "./runs.ts";
import { type V2OpenRequest, V2Session, V2Sessions, type V2TaskFields } from "./sessions.ts";

type TaskBody = Body<"/v2/tasks", "post">;
type SettingName = "profileId" | "proxyCountryCode" | "browserScreenWidth" | "browserScreenHeight" | "enableRecording";

/** Options of `v2.run`: those of a task, and what its session is opened with. */
export interface V2OneShotOptions<Output = unknown>
  extends V2TaskFields,
    RunOptions<Output>,
    Pick<V2OpenRequest, SettingName> {
  /** `"exclusive"`: refuse a profile that a live session of this client has; `"shared"`: let the last stop win. Default: `"exclusive"`. */
  readonly profileAccess?: ProfileAccess | undefined;
}

/** The API's second version: sessions that are given tasks. */
export class V2 {
  readonly sessions: V2Sessions;
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
    this.sessions = new V2Sessions(context);
  }

  /**
   * Runs one task in a session of its own, which is stopped at the end whatever happens. Nothing of its browser is kept, but for the
   * profile when one is named.
   *
   * @throws {@link RunFailedError}, {@link OutputValidationError}, {@link TimeoutError} as {@link Run.result} does.
   * @throws {@link ProfileInUseError} when a live session of this client has the profile.
   * @throws `options.signal.reason` when aborted; task and session are stopped.
   * @see `POST /v2/tasks`
   */
  async run<Output>(task: string, options: V2OneShotOptions<Output> & SchemaGiven<Output>): Promise<RunResult<Output>>;
  async run(
    task: string,
    options?: V2OneShotOptions<never> & { readonly schema?: undefined },
  ): Promise<RunResult<string | null>>;
  async run<Output>(task: string, options: V2OneShotOptions<Output>): Promise<RunResult<Output | string | null>>;
  async run(task: string, options: V2OneShotOptions = {}): Promise<RunResult<unknown>> {
    const { waiting, starting } = splitRunOptions(options);
    const { schema, signal, limits, fields } = splitStartOptions<unknown, V2OneShotOptions>(starting);
    const { profileAccess, ...request } = fields;
    refuseFields(request, "v2.run", "task", "sessionId", "sessionSettings", "structuredOutput");
    refuseUnbounded(this.#context, { maxSteps: request.maxSteps });
    const reader = schema && readerOf(schema);
    const structuredOutput = reader && JSON.stringify(reader.jsonSchema);
    const body = checkBody("POST /v2/tasks", {
      ...toTask(request),
      task,
      ...(reader && { structuredOutput }),
    }) as TaskBody;
    const { api, watcher } = this.#context;
    const deadline = deadlineOf(waiting);
    let taskId = "";
    const open = () =>
      startInTime(deadline, signal, (own) =>
        openLive(this.#context, {
          kind: "v2.session",
          options: { ...limits, signal: own, profileAccess },
          profileId: request.profileId,
          livesMs: LONGEST_LIFE_MS,
          create: async (options) => {
            const answer = await api.POST("/v2/tasks", { body, ...options });
            const created = complete(answer, "POST /v2/tasks", "id", "sessionId");
            taskId = created.id;
            return created.sessionId;
          },
          handle: (sessionId, owner) => new V2Session(this.#context, sessionId, owner),
        }),
      );
    return useLive(this.#context, open, ({ id: sessionId }) =>
      resultBy(new Run(watcher, v2RunPort(api, taskId, sessionId, performance.now()), reader), deadline, waiting),
    );
  }
}

/**
 * Puts the settings of the session where the service wants them. The proxy's country is always said: with settings and without a
 * country, the vendor's texts disagree on what happens.
 */
function toTask(options: V2TaskFields & Pick<V2OpenRequest, SettingName>): Omit<TaskBody, "task"> {
  const {
    profileId,
    proxyCountryCode = "us",
    browserScreenWidth,
    browserScreenHeight,
    enableRecording,
    ...task
  } = options;
  const given = { profileId, proxyCountryCode, browserScreenWidth, browserScreenHeight, enableRecording };
  // Countries and models are open lists: the service may know more of them than its spec does.
  return { ...task, sessionSettings: browserSettings(given) } as Omit<TaskBody, "task">;
}

import { checkId } from "../call/check.ts";
import { orHandOver } from "../call/wait.ts";
import type { Context } from "../context.ts";
import { InvalidInputError } from "../errors.ts";
import { LONGEST_LIFE_MS } from "../live.ts";
import { Living, openLive, useLive } from "../living.ts";
import type { ProfileAccess } from "../profile-guard.ts";
import { splitRunOptions, splitStartOptions } from "../runs/run-options.ts";
import { runToEnd, startInTime, stopQuietly } from "../runs/run-to-end.ts";
import { deadlineOf, type ResultOptions, Run, type RunResult, resultBy } from "../runs/runs.ts";
import type { CallOptions } from "../types.ts";
import { refuseMissing } from "./attachments.ts";
import { OwnRun } from "./own-run.ts";
import { planRun, refuseSchema, type Started, type V4RunFields } from "./plan.ts";
import { v4RunPort } from "./runs.ts";

/** Options of `v4.runs.start`. */
export interface V4StartOptions extends V4RunFields, CallOptions {
  /**
   * `"exclusive"`: refuse a profile that a live session of this client has; `"shared"`: let the last stop win. Follow-ups do not ask.
   * Default: `"exclusive"`.
   */
  readonly profileAccess?: ProfileAccess | undefined;
}

/** Options of `v4.runs.run`. */
export interface V4RunOptions extends V4RunFields, ResultOptions, Pick<V4StartOptions, "profileAccess"> {
  /** Whether the browser of a run that came to its end by itself is left for follow-ups. A follow-up always leaves it. Default: false. */
  readonly keepAlive?: boolean | undefined;
}

/** A run that was checked, and not sent yet. */
interface Plan {
  readonly begin: (options: CallOptions) => Promise<Started>;
  readonly limits: CallOptions;
  readonly signal: AbortSignal | undefined;
  readonly isFollowUp: boolean;
  readonly profileId: string | null | undefined;
  readonly profileAccess: ProfileAccess | undefined;
}

/** Runs: tasks that bring a session with them, or go into one that is there. */
export class V4Runs {
  readonly #context: Context;
  /** Those that have a profile, by its id. */
  readonly #holders = new Map<string, OwnRun>();

  constructor(context: Context) {
    this.#context = context;
  }

  /**
   * Starts a run, in a session of its own, or with `sessionId` as a follow-up there, and gives it. It goes on when the client is closed.
   * A profile is this run's until the client sees its end, or for 4 hours.
   *
   * @throws {@link UploadError} when a file was not stored, or the run started without one: then it was cancelled.
   * @throws {@link SessionBusyError} while the session has a run at work.
   * @throws {@link ProfileInUseError} when a live session of this client has the profile.
   * @throws {@link ConnectionError}, {@link TimeoutError} with `outcome: "unknown"`: perhaps it was started. It is not started twice.
   * @throws `options.signal.reason` when aborted; a run that started all the same is cancelled.
   * @see `POST /v4/runs`
   */
  async start(task: string, options: V4StartOptions = {}): Promise<Run<string | null>> {
    const plan = this.#plan(task, options, "v4.runs.start");
    plan.signal?.throwIfAborted();
    if (plan.isFollowUp) return orHandOver(this.#followUp(plan), plan.signal, stopQuietly);
    const { living, reportLeak } = this.#context;
    if (living.isClosed) await living.refuseClosed();
    // It is the caller's: closing the client leaves it alone.
    const own = await this.#open(plan, true, new Living(reportLeak));
    try {
      refuseMissing(own.started);
    } catch (error) {
      await own.stop().catch(reportLeak);
      throw error;
    }
    return own.run;
  }

  /**
   * Starts a run and waits for its answer. Without `sessionId` the session is this run's alone: whatever happens, the run is cancelled if it
   * is not over, and the browsers of its session are stopped, which ends what they cost and saves the profile. v4 has no call that ends a
   * session; that its browsers are those whose `agentSessionId` names it is our reading, not the vendor's word. With `sessionId` the
   * conversation is yours: its browser is left as it is.
   *
   * @throws {@link RunFailedError}, {@link TimeoutError} as {@link Run.result} does, and what {@link V4Runs.start} throws.
   * @throws `options.signal.reason` when aborted; the run is cancelled.
   * @see `POST /v4/runs`
   * @see `PATCH /v4/browsers/{session_id}`
   */
  async run(task: string, options: V4RunOptions = {}): Promise<RunResult<string | null>> {
    const { waiting, starting } = splitRunOptions(options);
    const { keepAlive, ...rest } = starting;
    checkKeepAlive(keepAlive, rest.sessionId);
    if (rest.sessionId != null) return runToEnd((signal) => this.start(task, { ...rest, signal }), waiting);
    const plan = this.#plan(task, rest, "v4.runs.run");
    const deadline = deadlineOf(waiting);
    const { living } = this.#context;
    const open = (signal: AbortSignal) => this.#open({ ...plan, signal }, keepAlive === true, living);
    return useLive(this.#context, startInTime(deadline, plan.signal, open), (own) => {
      refuseMissing(own.started);
      return resultBy(own.run, deadline, waiting);
    });
  }

  /** A handle on a run that was started before, here or elsewhere. Asks nothing; its `sessionId` is known once it was looked at. */
  attach(id: string): Run<string | null, string | undefined> {
    const { api, watcher } = this.#context;
    return new Run<string | null, string | undefined>(watcher, v4RunPort(api, { id: checkId("run id", id) }));
  }

  #plan(task: string, options: V4StartOptions, where: string): Plan {
    const { schema, signal, limits, fields: given } = splitStartOptions<unknown, V4StartOptions>(options);
    const { profileAccess, ...fields } = given;
    refuseSchema({ schema, ...fields });
    const begin = planRun(this.#context, task, fields, where);
    const { sessionId, browserSettings } = fields;
    const { profileId } = browserSettings ?? {};
    return { begin, limits, signal, isFollowUp: sessionId != null, profileId, profileAccess };
  }

  async #followUp({ begin, limits, signal, profileAccess }: Plan): Promise<Run<string | null>> {
    const { api, watcher, guard } = this.#context;
    guard.hold(undefined, profileAccess);
    const started = await begin({ ...limits, signal });
    const run = new Run<string | null>(watcher, v4RunPort(api, started, { dispatchedMs: performance.now() }));
    try {
      refuseMissing(started);
    } catch (error) {
      await stopQuietly(run);
      throw error;
    }
    return run;
  }

  async #open(plan: Plan, keepAlive: boolean, living: Living): Promise<OwnRun> {
    const { begin, limits, signal, profileId, profileAccess } = plan;
    if (profileId != null) await this.#lookAtHolder(profileId, { ...limits, signal });
    return openLive(
      { ...this.#context, living },
      {
        kind: "v4.run",
        options: { ...limits, signal, profileAccess },
        profileId,
        livesMs: LONGEST_LIFE_MS,
        create: (own) => begin({ ...own, signal }),
        handle: (started, owner) => {
          const run = new OwnRun(this.#context, started, keepAlive, owner);
          if (profileId != null) this.#holders.set(profileId.toLowerCase(), run);
          return run;
        },
      },
    );
  }

  /** A run may have ended without this client's knowing: it is asked for once before its profile is refused. */
  async #lookAtHolder(profileId: string, options: CallOptions): Promise<void> {
    for (const [id, { isClosed }] of this.#holders) if (isClosed) this.#holders.delete(id);
    const holder = this.#holders.get(profileId.toLowerCase());
    await holder?.run.hasEnded(options).catch(() => {});
  }
}

/** The API's fourth version: runs, which bring their sessions with them. */
export class V4 {
  readonly runs: V4Runs;

  constructor(context: Context) {
    this.runs = new V4Runs(context);
  }
}

function checkKeepAlive(keepAlive: unknown, sessionId: string | null | undefined): void {
  if (keepAlive !== undefined && typeof keepAlive !== "boolean") {
    throw new InvalidInputError("keepAlive must be true or false.");
  }
  if (keepAlive === false && sessionId != null) {
    throw new InvalidInputError(
      "keepAlive: false is not for follow-ups: the browser of a session that was given is left as it is.",
    );
  }
}

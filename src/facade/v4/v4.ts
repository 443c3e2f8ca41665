import { checkCallOptions, checkId } from "../call/check.ts";
import { orHandOver } from "../call/wait.ts";
import type { Context } from "../context.ts";
import { InvalidInputError, RunFailedError, SessionNotStoppedError } from "../errors.ts";
import { hasUnknownOutcome, LONGEST_LIFE_MS, type Owner } from "../live.ts";
import { Living, openLive, useLive } from "../living.ts";
import type { ProfileAccess } from "../profile-guard.ts";
import { splitRunOptions, splitStartOptions } from "../runs/run-options.ts";
import { runToEnd, startInTime, stopQuietly } from "../runs/run-to-end.ts";
import { deadlineOf, type ResultOptions, Run, type RunResult, resultBy } from "../runs/runs.ts";
import type { CallOptions } from "../types.ts";
import { refuseMissing } from "./attachments.ts";
import { Holders } from "./holders.ts";
import { OwnRun } from "./own-run.ts";
import { planRun, refuseSchema, type Started, type V4RunFields } from "./plan.ts";
import { type V4RunView, v4RunPort } from "./runs.ts";
import { V4Sessions } from "./sessions.ts";

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
  /** Whether the browser of a run that came to its end by itself is left for follow-ups. Default: false, and for follow-ups true. */
  readonly keepAlive?: boolean | undefined;
}

/** What came of `v4.runs.run`: the answer is text. */
export interface V4RunResult extends RunResult<string | null> {
  /** The run as the service gave it: with its `sessionId`, for follow-ups. */
  readonly raw: V4RunView;
}

/** A run that was checked, and not sent yet. */
interface Plan {
  readonly begin: (options: CallOptions) => Promise<Started>;
  readonly limits: CallOptions;
  readonly signal: AbortSignal | undefined;
  /** Of a follow-up. */
  readonly sessionId: string | null | undefined;
  readonly profileId: string | null | undefined;
  readonly profileAccess: ProfileAccess | undefined;
}

/** Runs: tasks that bring a session with them, or go into one that is there. */
export class V4Runs {
  readonly #context: Context;
  readonly #holders: Holders;

  constructor(context: Context, holders: Holders) {
    this.#context = context;
    this.#holders = holders;
  }

  /**
   * Starts a run, in a session of its own, or with `sessionId` as a follow-up there, and gives it. It goes on when the client is closed, and
   * leaves its browser, which costs until it ends after some minutes without a follow-up: {@link V4Sessions.stop} ends it, and saves its profile.
   * The profile in `browserSettings` is this run's while it is at work, and its browser's as long as that is left: until it is stopped, and
   * for 20 minutes without a follow-up at most.
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
    if (plan.sessionId != null) return orHandOver(this.#followUp(plan), plan.signal, stopQuietly);
    const { living, reportLeak } = this.#context;
    if (living.isClosed) await living.refuseClosed();
    // It is the caller's: closing the client leaves it alone.
    const own = await this.#open(plan, new Living(reportLeak), (ended) => ended.leave());
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
   * conversation is yours: its browser is left as it is, unless you pass `keepAlive: false`.
   *
   * @throws {@link RunFailedError}, {@link TimeoutError} as {@link Run.result} does, and what {@link V4Runs.start} throws.
   * @throws `options.signal.reason` when aborted; the run is cancelled.
   * @see `POST /v4/runs`
   * @see `PATCH /v4/browsers/{session_id}`
   */
  async run(task: string, options: V4RunOptions = {}): Promise<V4RunResult> {
    // What a run of v4 gives was made of a run of v4.
    return (await this.#run(task, options)) as V4RunResult;
  }

  async #run(task: string, options: V4RunOptions): Promise<RunResult<string | null>> {
    const { waiting, starting } = splitRunOptions(options);
    const { keepAlive, ...rest } = starting;
    if (keepAlive !== undefined && typeof keepAlive !== "boolean")
      throw new InvalidInputError("keepAlive must be true or false.");
    const isFollowUp = rest.sessionId != null;
    let leavesBrowser = keepAlive ?? isFollowUp;
    if (isFollowUp && leavesBrowser) return runToEnd((signal) => this.start(task, { ...rest, signal }), waiting);
    const plan = this.#plan(task, rest, "v4.runs.run");
    const deadline = deadlineOf(waiting);
    const { living } = this.#context;
    const open = (signal: AbortSignal) => this.#open({ ...plan, signal }, living);
    return useLive(
      this.#context,
      () => startInTime(deadline, plan.signal, open),
      async (own) => {
        refuseMissing(own.started);
        try {
          return await resultBy(own.run, deadline, waiting);
        } catch (error) {
          // Nothing follows a run that nobody waits for any more.
          if (!(error instanceof RunFailedError)) leavesBrowser = false;
          throw error;
        } finally {
          if (leavesBrowser) own.leave();
        }
      },
    );
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
    checkCallOptions(limits);
    this.#context.guard.hold(undefined, profileAccess);
    const begin = planRun(this.#context, task, fields, where, limits);
    const { sessionId, browserSettings } = fields;
    // The profile of a follow-up is that of its session, which has it already.
    const profileId = sessionId != null ? undefined : browserSettings?.profileId;
    return { begin, limits, signal, sessionId, profileId, profileAccess };
  }

  async #followUp({ begin, limits, signal, sessionId }: Plan): Promise<Run<string | null>> {
    const { api, watcher, reportLeak } = this.#context;
    const started = await begin({ ...limits, signal }).catch((cause: unknown) => {
      // Who has left hears no rejection: what may be at work all the same is reported.
      if (signal?.aborted && hasUnknownOutcome(cause))
        reportLeak(new SessionNotStoppedError(`${sessionId}`, { cause }));
      throw cause;
    });
    const holder = this.#holders.of(started.sessionId);
    const onEnd = () => holder?.isLeftAgain(run);
    const run = new Run<string | null>(watcher, v4RunPort(api, started, { dispatchedMs: performance.now(), onEnd }));
    holder?.isFollowedBy(run);
    try {
      refuseMissing(started);
    } catch (error) {
      await stopQuietly(run);
      throw error;
    }
    return run;
  }

  async #open(plan: Plan, living: Living, onEnd?: (own: OwnRun) => void): Promise<OwnRun> {
    const { begin, limits, signal, profileId, profileAccess } = plan;
    if (profileId != null && profileAccess !== "shared") await this.#holders.lookAt(profileId, { ...limits, signal });
    const opening = openLive(
      { ...this.#context, living },
      {
        kind: "v4.run",
        options: { ...limits, signal, profileAccess },
        profileId,
        livesMs: LONGEST_LIFE_MS,
        create: (own) => begin({ ...own, signal }),
        handle: (started, owner) => this.#own(plan, started, owner, onEnd),
      },
    );
    return opening.catch(async (error: unknown) => {
      // A client that was closed while files were stored: whoever hears of it earlier may end the process.
      if (error instanceof InvalidInputError) await this.#context.living.untilClosed();
      throw error;
    });
  }

  #own({ profileId, profileAccess }: Plan, started: Started, owner: Owner, onEnd?: (own: OwnRun) => void): OwnRun {
    // The last run of a session that another one of this client has begun: its browser is that one's, too.
    const before = this.#holders.of(started.sessionId);
    const onClosed = (livesOnMs?: number) => {
      owner.onClosed(livesOnMs);
      if (livesOnMs === undefined) before?.letGo();
    };
    const own = new OwnRun(this.#context, started, { ...owner, onClosed }, onEnd);
    before?.isFollowedBy(own.run);
    if (profileId != null && profileAccess !== "shared") this.#holders.add(profileId, own);
    return own;
  }
}

/** The API's fourth version: runs, which bring their sessions with them. */
export class V4 {
  readonly runs: V4Runs;
  readonly sessions: V4Sessions;

  constructor(context: Context) {
    const holders = new Holders();
    this.runs = new V4Runs(context, holders);
    this.sessions = new V4Sessions(context, holders);
  }
}

import { checkId } from "../facade/call/check.ts";
import type { OpenOptions } from "../facade/live.ts";
import { openLive, useLive } from "../facade/living.ts";
import type { PoolSource, SessionPort } from "../facade/pool/session-port.ts";
import type { CallOptions } from "../facade/types.ts";
import { rowsOf } from "./bare-pages.ts";
import { checkGiven } from "./check-body.ts";
import type { SkyvernContext } from "./context.ts";
import { lifeMs } from "./life.ts";
import { type SkyvernOpenRequest, sessionBody } from "./open-request.ts";
import { SkyvernSession } from "./session.ts";
import { sessionPort } from "./session-port.ts";
import { createSession, KIND, type SkyvernSessionView } from "./session-view.ts";

/** Sessions of Skyvern. */
export class SkyvernSessions implements PoolSource<SkyvernOpenRequest, SkyvernSession> {
  /** For `SessionPool`. */
  readonly sessionPort: SessionPort<SkyvernOpenRequest, SkyvernSession>;
  readonly #context: SkyvernContext;

  constructor(context: SkyvernContext) {
    this.#context = context;
    this.sessionPort = sessionPort(context, this);
  }

  /**
   * Opens a session. It costs money until it is stopped: use `await using`, {@link SkyvernSessions.use}, or call `stop()`.
   *
   * @throws {@link ProfileInUseError} when a live session of this client has the profile.
   * @throws {@link NotFoundError} when there is no such profile.
   * @throws `options.signal.reason` when aborted; a session that opened all the same is stopped.
   * @see `POST /v1/browser_sessions`
   */
  async open(request: SkyvernOpenRequest = {}, options: OpenOptions = {}): Promise<SkyvernSession> {
    const body = sessionBody(request);
    checkGiven("The options of sessions.open", options);
    const { api } = this.#context;
    return openLive(this.#context, {
      kind: KIND,
      options,
      profileId: request.browser_profile_id,
      livesMs: lifeMs(request),
      create: (limits) => createSession(api, body, limits),
      handle: (view, owner) => new SkyvernSession(this.#context, view, owner),
    });
  }

  /**
   * Opens a session, runs `fn` with it, and stops it whatever happens. Rejects as `open` or as `fn` does; a stop that is not confirmed
   * never takes away `fn`'s result, but is reported to the client's `onSessionNotStopped`.
   *
   * @see `POST /v1/browser_sessions`
   * @see `POST /v1/browser_sessions/{browser_session_id}/close`
   */
  use<T>(
    request: SkyvernOpenRequest,
    fn: (session: SkyvernSession) => T | Promise<T>,
    options?: OpenOptions,
  ): Promise<T> {
    return useLive(this.#context, () => this.open(request, options), fn);
  }

  /** A handle on a session that is already there. Asks nothing; disposing it does nothing. */
  attach(id: string): SkyvernSession {
    return new SkyvernSession(this.#context, checkId("session id", id));
  }

  /**
   * The sessions that have not ended and were opened in the last 24 hours, with one request.
   *
   * @see `GET /v1/browser_sessions`
   */
  async *list(options: CallOptions = {}): AsyncGenerator<SkyvernSessionView, void, undefined> {
    const { data } = await this.#context.api.GET(
      "/v1/browser_sessions",
      checkGiven("The options of sessions.list", options),
    );
    yield* rowsOf(data);
  }
}

import { complete, viewBy } from "../facade/call/answers.ts";
import { checkId, checkMs, checkSignal, refuseUnknown } from "../facade/call/check.ts";
import { PAGE_SIZE } from "../facade/call/pages.ts";
import { Deadline } from "../facade/call/wait.ts";
import { InvalidInputError, ProfileInUseError } from "../facade/errors.ts";
import type { CallOptions } from "../facade/types.ts";
import { allBarePages } from "./bare-pages.ts";
import { checkBody, checkGiven } from "./check-body.ts";
import type { SkyvernContext } from "./context.ts";
import { skyvernPort } from "./session-view.ts";
import { createWhenStored } from "./stored.ts";
import type { Body, Ok, Opened, Query } from "./types.ts";

const PATH = "/v1/browser_profiles/{profile_id}";
const CREATE = "POST /v1/browser_profiles";
const ARCHIVE_TIMEOUT_MS = 60_000;
type ProfileBody = Body<"/v1/browser_profiles", "post">;
type ChangesBody = Body<typeof PATH, "patch">;

/** A profile: a browser's cookies and storage, kept between sessions. */
export interface SkyvernProfile extends Readonly<Ok<typeof PATH, "get">> {}

/** What a profile is made of: of a stopped session, of a workflow run, or, with neither, of nothing. */
export interface SkyvernProfileRequest extends Readonly<Omit<ProfileBody, "proxy_location">> {
  /** Where requests of its sessions come from. */
  readonly proxy_location?: Opened<ProfileBody["proxy_location"]>;
}

/** What of a profile can be changed. */
export interface SkyvernProfileChanges extends Readonly<Omit<ChangesBody, "proxy_location">> {
  /** Where requests of its sessions come from. */
  readonly proxy_location?: Opened<ChangesBody["proxy_location"]>;
}

/** Which profiles are listed. */
export interface SkyvernProfileListRequest
  extends Readonly<Omit<Query<"/v1/browser_profiles", "get">, "page" | "page_size">> {}

/** How a profile is made. */
export interface SkyvernProfileOptions extends CallOptions {
  /** How long to wait, in milliseconds, for the service to store what a stopped session leaves behind. Default: 60,000. */
  readonly waitTimeoutMs?: number | undefined;
}

/** Browser profiles of Skyvern. */
export class SkyvernProfiles {
  readonly #context: SkyvernContext;

  constructor(context: SkyvernContext) {
    this.#context = context;
  }

  /**
   * Makes a profile. Of a session: open it with `generate_browser_profile`, and stop it first. The service stores what it leaves behind a
   * little later, which is waited for.
   *
   * @throws {@link InvalidInputError} for two sources at once, and for a session that is still live or has failed.
   * @throws {@link TimeoutError} after `waitTimeoutMs`, when the session is not stored yet.
   * @throws {@link ConnectionError}, {@link TimeoutError} with `outcome: "unknown"` when it was sent and not answered: it is not repeated.
   * @throws {@link ApiError} 400 for a session that leaves nothing behind, 409 for a name that is taken; {@link NotFoundError} for no such session.
   * @throws `options.signal.reason` when aborted.
   * @see `POST /v1/browser_profiles`
   * @see `GET /v1/browser_sessions/{browser_session_id}`
   */
  async create(request: SkyvernProfileRequest, options: SkyvernProfileOptions = {}): Promise<SkyvernProfile> {
    const { waitTimeoutMs, ...limits } = checkGiven("The options of profiles.create", options);
    const deadline = new Deadline(checkMs("waitTimeoutMs", waitTimeoutMs, ARCHIVE_TIMEOUT_MS));
    checkSignal(limits.signal);
    const { browser_session_id: sessionId, workflow_run_id } = checkGiven("The request of profiles.create", request);
    if (sessionId != null && workflow_run_id != null)
      throw new InvalidInputError("A profile is made of a browser_session_id or of a workflow_run_id, not of both.");
    const body = checkBody(CREATE, request) as ProfileBody; // places are an open list
    const { api } = this.#context;
    if (sessionId == null) return this.#create(body, limits);
    return createWhenStored(skyvernPort(api), sessionId, deadline, limits, (own) => this.#create(body, own));
  }

  /**
   * Asks for one profile.
   *
   * @throws {@link NotFoundError} when there is none.
   * @see `GET /v1/browser_profiles/{profile_id}`
   */
  async get(id: string, options: CallOptions = {}): Promise<SkyvernProfile> {
    const answer = await this.#context.api.GET(PATH, { params: at(id), ...options });
    return viewBy(answer, `GET ${PATH}`, "browser_profile_id", id);
  }

  /**
   * All profiles, over all pages.
   *
   * @see `GET /v1/browser_profiles`
   */
  list(
    request: SkyvernProfileListRequest = {},
    options: CallOptions = {},
  ): AsyncGenerator<SkyvernProfile, void, undefined> {
    const { include_deleted, search_key, managed, ...unknown } = checkGiven("The request of profiles.list", request);
    refuseUnknown(unknown, "profiles.list");
    const fetchPage = async (page: number) => {
      const query = { ...request, page, page_size: PAGE_SIZE };
      return (await this.#context.api.GET("/v1/browser_profiles", { params: { query }, ...options })).data;
    };
    return allBarePages<SkyvernProfile>(fetchPage, ({ browser_profile_id }) => browser_profile_id);
  }

  /**
   * Changes a profile's name, description or proxy.
   *
   * @throws {@link NotFoundError} when there is none; {@link ApiError} 409 for a name that is taken.
   * @throws {@link InvalidInputError} for a field that cannot be, before anything is sent.
   * @see `PATCH /v1/browser_profiles/{profile_id}`
   */
  async update(id: string, changes: SkyvernProfileChanges, options: CallOptions = {}): Promise<SkyvernProfile> {
    const body = checkBody(`PATCH ${PATH}`, changes) as ChangesBody; // places are an open list
    const answer = await this.#context.api.PATCH(PATH, { params: at(id), body, ...options });
    return viewBy(answer, `PATCH ${PATH}`, "browser_profile_id", id);
  }

  /**
   * Deletes a profile, which can still be listed with `include_deleted`.
   *
   * @throws {@link ProfileInUseError} when a live session of this client has it.
   * @see `DELETE /v1/browser_profiles/{profile_id}`
   */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    const params = at(id);
    const { api, guard } = this.#context;
    if (guard.isHeld(id)) throw new ProfileInUseError(id, "a session of this client");
    await api.DELETE(PATH, { params, ...options });
  }

  async #create(body: ProfileBody, limits: CallOptions): Promise<SkyvernProfile> {
    return complete(
      await this.#context.api.POST("/v1/browser_profiles", { body, ...limits }),
      CREATE,
      "browser_profile_id",
    );
  }
}

function at(id: string): { path: { profile_id: string } } {
  if (typeof id === "number") throw new InvalidInputError("profile id must be a string, not number.");
  return { path: { profile_id: checkId("profile id", id) } };
}

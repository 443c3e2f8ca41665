import { projectAccount } from "./account.ts";
import { complete } from "./call/answers.ts";
import { checkId, refuseUnknown } from "./call/check.ts";
import { allPages, PAGE_SIZE } from "./call/pages.ts";
import { untilAborted } from "./call/wait.ts";
import { toDate } from "./call/wire.ts";
import { checkBody } from "./check-body.ts";
import type { Context } from "./context.ts";
import { InvalidInputError, NotFoundError, ProfileInUseError } from "./errors.ts";
import { withLock } from "./pool/lock.ts";
import { hashOf } from "./pool/shape.ts";
import type { Body, CallOptions, Ok } from "./types.ts";

const LONGEST_QUERY = 200;

/** A profile: a browser's cookies and storage, kept between sessions. */
export interface Profile extends Readonly<Ok<"/v3/profiles/{profile_id}", "get">> {}
/** What a profile is created with. */
export interface ProfileFields extends Readonly<Body<"/v3/profiles", "post">> {}
/** What of a profile can be changed. */
export interface ProfileChanges extends Readonly<Body<"/v3/profiles/{profile_id}", "patch">> {}

/** Which profile must exist: one of the two names it. */
export interface EnsureRequest {
  /** At most 100 characters. Names the profile when no `userId` is given. */
  readonly name?: string | undefined;
  /** Your own id of the person the profile belongs to, at most 255 characters. When given, it alone decides. */
  readonly userId?: string | undefined;
}

/** How a profile is ensured. */
export interface EnsureOptions extends CallOptions {
  /** Refuses to create a profile: a typing error must not make an identity. Default: false. */
  readonly strict?: boolean | undefined;
}

/** A profile that exists for sure. */
export interface EnsuredProfile extends Profile {
  /** Whether this call created it. */
  readonly created: boolean;
  /** Ids of younger profiles of the same name or user. They are reported, and never deleted. */
  readonly duplicates: readonly string[];
}

/** Which profiles are listed. */
export interface ProfileListRequest {
  /** A part of the name or of the user id, at most 200 characters. */
  readonly query?: string | undefined;
}

/** What of an {@link EnsureRequest} was given. */
type Wanted = { readonly name?: string; readonly userId?: string };

/** Profiles, shared by all versions of the API. */
export class Profiles {
  readonly #context: Context;
  readonly #ensuring = new Map<string, Promise<EnsuredProfile>>();

  constructor(context: Context) {
    this.#context = context;
  }

  /**
   * Finds the profile of this user, or of this name, and creates it when there is none. Calls that ask for the same at the same time
   * share one answer; with the client's `leaseStore`, processes that ask for the same create one. Of duplicates the oldest wins.
   *
   * @throws {@link LeaseStoreError} when a profile is to be created and the `leaseStore` does not answer, or another process does not finish.
   * @throws {@link NotFoundError} with `strict`, when there is none.
   * @throws {@link InsufficientCreditsError} when the plan allows no further profile.
   * @throws {@link InvalidInputError} when neither name nor user id is given.
   * @see `GET /v3/profiles`
   * @see `POST /v3/profiles`
   */
  async ensure(request: EnsureRequest, options: EnsureOptions = {}): Promise<EnsuredProfile> {
    const { signal, strict = false, ...limits } = options;
    const { name, userId, ...unknown } = request;
    refuseUnknown(unknown, "profiles.ensure");
    if (!isTextOrLeftOut(name) || !isTextOrLeftOut(userId) || !(userId ?? name))
      throw new InvalidInputError("profiles.ensure needs a name or a userId that is a text and not empty.");
    const fields = { ...(name !== undefined && { name }), ...(userId !== undefined && { userId }) };
    checkBody("POST /v3/profiles", fields);
    signal?.throwIfAborted();
    const key = JSON.stringify([userId ?? null, userId === undefined ? name : null, strict]);
    const ensuring =
      this.#ensuring.get(key) ?? this.#ensure(fields, strict, limits).finally(() => this.#ensuring.delete(key));
    this.#ensuring.set(key, ensuring);
    return untilAborted(ensuring, signal);
  }

  /**
   * Creates a profile. Names are not unique: mostly you want {@link Profiles.ensure}.
   *
   * @see `POST /v3/profiles`
   */
  async create(fields: ProfileFields = {}, options: CallOptions = {}): Promise<Profile> {
    const body = checkBody("POST /v3/profiles", fields);
    return complete(await this.#context.api.POST("/v3/profiles", { body, ...options }), "POST /v3/profiles", "id");
  }

  /**
   * Asks for one profile. `cookieDomains` tells whether a login is there.
   *
   * @throws {@link NotFoundError} when there is none.
   * @see `GET /v3/profiles/{profile_id}`
   */
  async get(id: string, options: CallOptions = {}): Promise<Profile> {
    return (await this.#context.api.GET("/v3/profiles/{profile_id}", { params: at(id), ...options })).data;
  }

  /**
   * All profiles of the project, over all pages.
   *
   * @see `GET /v3/profiles`
   */
  list(request: ProfileListRequest = {}, options: CallOptions = {}): AsyncGenerator<Profile, void, undefined> {
    const { query: part, ...unknown } = request;
    refuseUnknown(unknown, "profiles.list");
    return allPages(async (pageNumber) => {
      const query = { pageNumber, pageSize: PAGE_SIZE, ...(part !== undefined && { query: part }) };
      const answer = await this.#context.api.GET("/v3/profiles", { params: { query }, ...options });
      const data = complete(answer, "GET /v3/profiles", "items");
      return { items: data.items, total: data.totalItems };
    });
  }

  /**
   * Renames a profile, or gives it to another user.
   *
   * @throws {@link NotFoundError} when there is none.
   * @see `PATCH /v3/profiles/{profile_id}`
   */
  async update(id: string, changes: ProfileChanges, options: CallOptions = {}): Promise<Profile> {
    const body = checkBody("PATCH /v3/profiles/{profile_id}", changes);
    return (await this.#context.api.PATCH("/v3/profiles/{profile_id}", { params: at(id), body, ...options })).data;
  }

  /**
   * Deletes a profile and all that it keeps, for good.
   *
   * @throws {@link ProfileInUseError} when a live session of this client has it, or a pool on the client's `leaseStore`.
   * @see `DELETE /v3/profiles/{profile_id}`
   */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    const params = at(id);
    await this.#refuseHeld(id);
    await this.#context.api.DELETE("/v3/profiles/{profile_id}", { params, ...options });
  }

  async #ensure(fields: Wanted, strict: boolean, limits: CallOptions): Promise<EnsuredProfile> {
    const found = oldestOf(await this.#find(fields, limits));
    if (found) return { ...found, created: false };
    if (strict) throw noSuchProfile(fields);
    const { leaseStore } = this.#context.shared;
    if (!leaseStore) return this.#createOnce(fields, limits);
    return withLock(leaseStore, `ensure:${await hashOf(fields)}`, async () => {
      const meanwhile = oldestOf(await this.#find(fields, limits));
      return meanwhile ? { ...meanwhile, created: false } : this.#createOnce(fields, limits);
    });
  }

  async #refuseHeld(id: string): Promise<void> {
    const { api, guard, shared } = this.#context;
    if (guard.isHeld(id)) throw new ProfileInUseError(id, "a session of this client");
    const leases = shared.leaseStore?.project((await projectAccount(api)).project) ?? shared.memory?.project("");
    if (await leases?.isProfileHeld(id)) throw new ProfileInUseError(id, "a session of a pool");
  }

  async #createOnce(fields: Wanted, limits: CallOptions): Promise<EnsuredProfile> {
    const created = await this.create(fields, limits);
    // Another process may have created one meanwhile; a list that lags behind may not even have ours.
    const others = (await this.#find(fields, limits)).filter(({ id }) => id !== created.id);
    const oldest = oldestOf([...others, created]) ?? { ...created, duplicates: [] };
    return { ...oldest, created: oldest.id === created.id };
  }

  /** All matches. The service searches loosely, for parts of both fields, so that each row is compared. */
  async #find({ name, userId }: Wanted, limits: CallOptions): Promise<Profile[]> {
    const query = [...(userId ?? name ?? "")].slice(0, LONGEST_QUERY).join("");
    const matches: Profile[] = [];
    for await (const profile of this.list({ query }, limits)) {
      if (userId === undefined ? profile.name === name : profile.userId === userId) matches.push(profile);
    }
    return matches;
  }
}

function oldestOf(profiles: readonly Profile[]): Omit<EnsuredProfile, "created"> | undefined {
  const [oldest, ...younger] = [...profiles].sort(byAge);
  return oldest && { ...oldest, duplicates: younger.map(({ id }) => id) };
}

/** A user id that is null would match everybody who has none. */
function isTextOrLeftOut(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}

function at(id: string): { path: { profile_id: string } } {
  return { path: { profile_id: checkId("profile id", id) } };
}

function byAge(a: Profile, b: Profile): number {
  return Number(toDate(a.createdAt)) - Number(toDate(b.createdAt)) || (a.id < b.id ? -1 : 1);
}

function noSuchProfile({ name, userId }: Wanted): NotFoundError {
  const wanted = userId === undefined ? `name ${JSON.stringify(name)}` : `userId ${JSON.stringify(userId)}`;
  const operation = "GET /v3/profiles";
  return new NotFoundError(`There is no profile with ${wanted}, and strict forbids to create one.`, {
    status: 404,
    body: undefined,
    method: "GET",
    path: "/v3/profiles",
    operation,
    attempts: 1,
  });
}

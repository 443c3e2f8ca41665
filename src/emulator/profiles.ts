import { randomUUID } from "node:crypto";
import { type ApiVersion, timestamp, timestampOrNull } from "./clock.ts";
import type { Cloud } from "./cloud.ts";
import type { Handlers, Schema } from "./operations.ts";
import type { Profile } from "./records.ts";
import { matching, page } from "./server/paging.ts";
import { problems } from "./server/problem.ts";

type View = Schema<"V2ProfileView"> & Schema<"V3ProfileView"> & Schema<"V4ProfileView">;

/** Profiles: one resource, served under every version. */
export function profileHandlers(cloud: Cloud): Handlers {
  return {
    v2_list_profiles_profiles_get: ({ query }) => page(wanted(cloud, query.query), query, show("v2")),
    v3_list_profiles_profiles_get: ({ query }) => page(wanted(cloud, query.query), query, show("v3")),
    v4_list_profiles_profiles_get: ({ query }) => page(wanted(cloud, query.query), query, show("v4")),
    v2_create_profile_profiles_post: ({ body }) => show("v2")(create(cloud, body)),
    v3_create_profile_profiles_post: ({ body }) => show("v3")(create(cloud, body)),
    v4_create_profile_profiles_post: ({ body }) => show("v4")(create(cloud, body)),
    v2_get_profile_profiles__profile_id__get: ({ path }) => show("v2")(find(cloud, path.profile_id)),
    v3_get_profile_profiles__profile_id__get: ({ path }) => show("v3")(find(cloud, path.profile_id)),
    v4_get_profile_profiles__profile_id__get: ({ path }) => show("v4")(find(cloud, path.profile_id)),
    v2_update_profile_profiles__profile_id__patch: ({ path, body }) => show("v2")(update(cloud, path.profile_id, body)),
    v3_update_profile_profiles__profile_id__patch: ({ path, body }) => show("v3")(update(cloud, path.profile_id, body)),
    v4_update_profile_profiles__profile_id__patch: ({ path, body }) => show("v4")(update(cloud, path.profile_id, body)),
    v2_delete_browser_profile_profiles__profile_id__delete: ({ path }) => remove(cloud, path.profile_id),
    v3_delete_browser_profile_profiles__profile_id__delete: ({ path }) => remove(cloud, path.profile_id),
    v4_delete_browser_profile_profiles__profile_id__delete: ({ path }) => remove(cloud, path.profile_id),
  };
}

function wanted(cloud: Cloud, query: string | null | undefined): Profile[] {
  const part = (query ?? "").toLowerCase();
  return matching(cloud.profiles.values(), (profile) =>
    [profile.name, profile.userId].some((text) => (text ?? "").toLowerCase().includes(part)),
  );
}

function create(cloud: Cloud, body: Schema<"V2ProfileCreateRequest"> | undefined): Profile {
  const now = cloud.clock.now();
  const profile: Profile = {
    id: randomUUID(),
    name: body?.name ?? null,
    userId: body?.userId ?? null,
    createdAt: now,
    updatedAt: now,
    lastUsedAt: null,
    state: new Map(),
  };
  cloud.profiles.set(profile.id, profile);
  return profile;
}

function update(cloud: Cloud, id: string, body: Schema<"V2ProfileUpdateRequest">): Profile {
  const profile = find(cloud, id);
  if (body.name !== undefined) profile.name = body.name;
  if (body.userId !== undefined) profile.userId = body.userId;
  profile.updatedAt = cloud.clock.now();
  return profile;
}

function remove(cloud: Cloud, id: string): undefined {
  cloud.profiles.delete(find(cloud, id).id);
}

function find(cloud: Cloud, id: string): Profile {
  const profile = cloud.profiles.get(id);
  if (!profile) throw problems.profileNotFound();
  return profile;
}

function show(version: ApiVersion): (profile: Profile) => View {
  return (profile) => ({
    id: profile.id,
    name: profile.name,
    userId: profile.userId,
    createdAt: timestamp(version, profile.createdAt),
    updatedAt: timestamp(version, profile.updatedAt),
    lastUsedAt: timestampOrNull(version, profile.lastUsedAt),
    cookieDomains: cookieDomains(profile),
  });
}

function cookieDomains(profile: Profile): string[] | null {
  const domains = new Set([...profile.state.keys()].map((key) => key.split("/")[0] ?? ""));
  return domains.size > 0 ? [...domains].sort() : null;
}

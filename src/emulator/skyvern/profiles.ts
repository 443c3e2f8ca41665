import { matching, newestFirst } from "../server/paging.ts";
import { invalid } from "../server/problem.ts";
import { naive, naiveOrNull, type SkyvernCloud } from "./cloud.ts";
import type { BodyOf, Handlers, QueryOf, Schema } from "./operations.ts";
import { problems } from "./problems.ts";
import type { Profile, Session } from "./records.ts";

/** Browser profiles. */
export function profileHandlers(cloud: SkyvernCloud): Handlers {
  return {
    v1_create_browser_profile: ({ body }) => show(cloud, create(cloud, body)),
    v1_list_browser_profiles: ({ query }) =>
      newestFirst(wanted(cloud, query), query.page, query.page_size).rows.map((profile) => show(cloud, profile)),
    v1_get_browser_profile: ({ path }) => show(cloud, cloud.profile(path.profile_id)),
    v1_update_browser_profile: ({ path, body }) => show(cloud, update(cloud, path.profile_id, body)),
    v1_delete_browser_profile: ({ path }) => {
      const profile = cloud.profile(path.profile_id);
      profile.deletedAt = cloud.clock.now();
    },
    v1_get_browser_profile_usage: ({ path }) => {
      const { id } = cloud.profile(path.profile_id);
      const seeded = [...cloud.runs.values()].filter(({ request }) => request.browser_profile_id === id);
      return { workflows: [], credentials: [], recent_seeded_run_count: seeded.length };
    },
  };
}

function create(cloud: SkyvernCloud, body: BodyOf<"v1_create_browser_profile">): Profile {
  const { browser_session_id: sessionId, workflow_run_id: workflowRunId } = body;
  if (sessionId != null && workflowRunId != null) {
    const msg = "Value error, browser_session_id and workflow_run_id exclude each other";
    throw invalid(["body"], msg, "value_error", body);
  }
  if (workflowRunId != null) throw cloud.notFound("Workflow run", workflowRunId); // the emulator runs no workflows
  const session = sessionId == null ? undefined : cloud.session(sessionId);
  checkName(cloud, body.name);
  const now = cloud.clock.now();
  const profile: Profile = {
    id: cloud.newId("bp"),
    createdAt: now,
    browserType: session?.browserType ?? null,
    name: body.name,
    description: body.description ?? null,
    proxyLocation: body.proxy_location ?? null,
    proxySessionId: body.proxy_session_id ?? null,
    modifiedAt: now,
    deletedAt: null,
    state: new Map(session && archiveOf(cloud, session)),
  };
  cloud.profiles.set(profile.id, profile);
  return profile;
}

/**
 * What a session has left; one status for "not yet" and for "never".
 *
 * @throws Problem 400
 */
function archiveOf(cloud: SkyvernCloud, session: Session): ReadonlyMap<string, string> {
  const began = session.profileId === null ? undefined : cloud.profiles.get(session.profileId);
  if (!session.generatesProfile) {
    throw began && began.deletedAt !== null ? problems.archiveGone(session.id) : problems.makesNoProfile(session.id);
  }
  if (!session.archive || cloud.clock.now() < session.archive.readyAt) throw problems.notArchived(session.id);
  return session.archive.state;
}

function checkName(cloud: SkyvernCloud, name: string, except?: Profile): void {
  for (const profile of cloud.profiles.values()) {
    if (profile !== except && profile.deletedAt === null && profile.name === name) throw problems.nameTaken(name);
  }
}

function update(cloud: SkyvernCloud, id: string, body: BodyOf<"v1_update_browser_profile">): Profile {
  const profile = cloud.profile(id);
  if (body.name != null) {
    checkName(cloud, body.name, profile);
    profile.name = body.name;
  }
  if (body.description !== undefined) profile.description = body.description;
  if (body.proxy_location !== undefined) profile.proxyLocation = body.proxy_location;
  if (body.proxy_session_id !== undefined) profile.proxySessionId = body.proxy_session_id;
  if (body.rotate_proxy_session_id) profile.proxySessionId = cloud.newId("proxy");
  profile.modifiedAt = cloud.clock.now();
  return profile;
}

function wanted(cloud: SkyvernCloud, query: QueryOf<"v1_list_browser_profiles">): Profile[] {
  const part = (query.search_key ?? "").toLowerCase();
  return matching(
    cloud.profiles.values(),
    ({ name, description, deletedAt }) =>
      (query.include_deleted || deletedAt === null) &&
      query.managed !== true && // no profile of the emulator is managed
      [name, description ?? ""].some((text) => text.toLowerCase().includes(part)),
  );
}

function show(cloud: SkyvernCloud, profile: Profile): Schema<"V1BrowserProfile"> {
  return {
    browser_profile_id: profile.id,
    organization_id: cloud.organizationId,
    name: profile.name,
    description: profile.description,
    source_browser_type: profile.browserType,
    proxy_location: profile.proxyLocation ?? null,
    proxy_session_id: profile.proxySessionId,
    is_managed: false,
    created_at: naive(profile.createdAt),
    modified_at: naive(profile.modifiedAt),
    deleted_at: naiveOrNull(profile.deletedAt),
  };
}

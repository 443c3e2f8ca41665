import { matching, newestFirst } from "../server/paging.ts";
import { fileInfo } from "./artifacts.ts";
import { naive, naiveOrNull, type SkyvernCloud } from "./cloud.ts";
import type { Handlers, Schema } from "./operations.ts";
import { problems } from "./problems.ts";
import type { Session } from "./records.ts";

const DAY_MS = 24 * 60 * 60_000;
const DEFAULT_MINUTES = 60;

/** Browser sessions. */
export function sessionHandlers(cloud: SkyvernCloud): Handlers {
  return {
    v1_create_browser_session: ({ body, defaults, origin }) =>
      show(cloud, create(cloud, { ...defaults, ...body }), origin),
    v1_get_browser_session: ({ path, origin }) => ({
      ...show(cloud, cloud.session(path.browser_session_id), origin),
      stream_transport: "cdp",
    }),
    v1_list_browser_sessions: ({ origin }) =>
      recent(cloud, DAY_MS)
        .filter(isLive)
        .reverse()
        .map((session) => show(cloud, session, origin)),
    v1_list_browser_session_history: ({ query, origin }) => {
      const { rows } = newestFirst(history(cloud), query.page, query.page_size);
      return rows.map((session) => show(cloud, session, origin));
    },
    v1_update_browser_session: ({ path, body, origin }) => {
      const session = cloud.session(path.browser_session_id);
      if (!isLive(session)) throw problems.ended(session.id);
      session.generatesProfile = body.generate_browser_profile;
      session.modifiedAt = cloud.clock.now();
      return show(cloud, session, origin);
    },
    v1_close_browser_session: ({ path }) => {
      cloud.end(cloud.session(path.browser_session_id), "completed");
      return { message: "Browser session closed" };
    },
  };
}

/** A capped timeout is no refusal, but a warning. */
function create(cloud: SkyvernCloud, request: Session["request"]): Session {
  if (request.proxy_session_id != null && request.proxy_location !== "RESIDENTIAL_ISP") throw problems.proxySession();
  const profile = request.browser_profile_id == null ? null : cloud.profile(request.browser_profile_id);
  const now = cloud.clock.now();
  return cloud.open({
    id: cloud.newId("pbs"),
    request,
    profileId: profile?.id ?? null,
    browserType: profile?.browserType ?? request.browser_type ?? "chrome",
    createdAt: now,
    ...lifetime(request.timeout ?? DEFAULT_MINUTES, cloud.settings.maxTimeoutMinutes),
    downloads: [],
    page: request.url ?? "about:blank",
    state: new Map(profile?.state),
    status: "created",
    generatesProfile: request.generate_browser_profile ?? false,
    modifiedAt: now,
    startedAt: null,
    completedAt: null,
    archive: null,
    run: null,
  });
}

function lifetime(asked: number, most: number): Pick<Session, "timeoutMinutes" | "warning"> {
  if (asked <= most) return { timeoutMinutes: asked, warning: null };
  return { timeoutMinutes: most, warning: `A timeout of ${asked} minutes is more than the ${most} that are allowed.` };
}

/** Running ones first, then the newest: as rows that are read from their end. */
function history(cloud: SkyvernCloud): Session[] {
  const rows = recent(cloud, 7 * DAY_MS);
  return [...rows.filter((session) => !isLive(session)), ...rows.filter(isLive)];
}

function recent(cloud: SkyvernCloud, ms: number): Session[] {
  const since = cloud.clock.now() - ms;
  return matching(cloud.sessions.values(), ({ createdAt }) => createdAt > since);
}

function isLive({ completedAt }: Session): boolean {
  return completedAt === null;
}

function show(cloud: SkyvernCloud, session: Session, origin: string): Schema<"V1BrowserSession"> {
  const { request, run, id } = session;
  return {
    browser_session_id: id,
    organization_id: cloud.organizationId,
    status: session.status,
    runnable_type: run && "task_run",
    runnable_id: run?.id ?? null,
    timeout: session.timeoutMinutes,
    browser_address: `wss://cdp.emulator.test/${id}`,
    app_url: `https://app.emulator.test/browser-session/${id}`,
    extensions: request.extensions ?? null,
    browser_type: session.browserType,
    browser_profile_id: session.profileId,
    generate_browser_profile: session.generatesProfile,
    vnc_streaming_supported: false,
    download_path: `downloads/${id}`,
    downloaded_files: session.downloads.map((artifact) => fileInfo(cloud, artifact, origin)),
    recordings: [],
    created_at: naive(session.createdAt),
    modified_at: naive(session.modifiedAt),
    started_at: naiveOrNull(session.startedAt),
    completed_at: naiveOrNull(session.completedAt),
    deleted_at: null,
    warning: session.warning,
  };
}

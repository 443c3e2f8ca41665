import { type ApiVersion, timestamp, timestampOrNull } from "./clock.ts";
import type { Cloud } from "./cloud.ts";
import { listDownloads } from "./downloads.ts";
import { browserCost, decimal } from "./money.ts";
import type { Handlers, QueryOf, Schema } from "./operations.ts";
import { liveUrl, recordingUrl } from "./recordings.ts";
import type { BrowserSession } from "./records.ts";
import { checkScreen } from "./screen.ts";
import { matching, page } from "./server/paging.ts";
import { problems } from "./server/problem.ts";

const MAX_MINUTES = 240;

type ItemView = Schema<"V2BrowserSessionItemView"> &
  Schema<"V3BrowserSessionItemView"> &
  Schema<"V4BrowserSessionItemView">;
type View = Schema<"V2BrowserSessionView"> & Schema<"V3BrowserSessionView"> & Schema<"V4BrowserSessionView">;

/** Browsers without an agent, and those of v4 sessions: one resource, served under every version. */
export function browserHandlers(cloud: Cloud): Handlers {
  return {
    v2_list_browser_sessions_browsers_get: ({ query }) => page(wanted(cloud, query), query, showItem("v2")),
    v3_list_browser_sessions_browsers_get: ({ query }) => page(wanted(cloud, query), query, showItem("v3")),
    v4_list_browser_sessions_browsers_get: ({ query }) => page(wanted(cloud, query), query, showItem("v4")),
    v2_create_browser_session_browsers_post: ({ body, defaults }) =>
      showItem("v2")(create(cloud, { ...defaults, ...body })),
    v3_create_browser_session_browsers_post: ({ body, defaults }) =>
      showItem("v3")(create(cloud, { ...defaults, ...body })),
    v4_create_browser_session_browsers_post: ({ body, defaults }) =>
      showItem("v4")(create(cloud, { ...defaults, ...body })),
    v2_get_browser_session_browsers__session_id__get: ({ path, origin }) =>
      show(cloud, find(cloud, path.session_id), "v2", origin),
    v3_get_browser_session_browsers__session_id__get: ({ path, origin }) =>
      show(cloud, find(cloud, path.session_id), "v3", origin),
    v4_get_browser_session_browsers__session_id__get: ({ path, origin }) =>
      show(cloud, find(cloud, path.session_id), "v4", origin),
    v2_update_browser_session_browsers__session_id__patch: ({ path }) => stop(cloud, path.session_id, "v2"),
    v3_update_browser_session_browsers__session_id__patch: ({ path }) => stop(cloud, path.session_id, "v3"),
    v4_update_browser_session_browsers__session_id__patch: ({ path }) => stop(cloud, path.session_id, "v4"),
    v2_list_browser_session_downloads_browsers__session_id__downloads_get: ({ path, query, origin }) =>
      listDownloads(cloud, find(cloud, path.session_id), "v2", query, origin),
    v3_list_browser_session_downloads_browsers__session_id__downloads_get: ({ path, query, origin }) =>
      listDownloads(cloud, find(cloud, path.session_id), "v3", query, origin),
    v4_list_browser_session_downloads_browsers__session_id__downloads_get: ({ path, query, origin }) =>
      listDownloads(cloud, find(cloud, path.session_id), "v4", query, origin),
  };
}

/**
 * What the service checks before it validates: too long a time is a 403 of its own, although the spec has a maximum.
 *
 * @throws Problem 403
 */
export function checkTimeout(body: unknown): void {
  if (body === null || typeof body !== "object" || !("timeout" in body)) return;
  if (typeof body.timeout === "number" && body.timeout > MAX_MINUTES) throw problems.timeoutLimit();
}

/** The whole time is charged at the start; what was not used is given back at the stop. */
function create(cloud: Cloud, body: Omit<Schema<"V2CreateBrowserSessionRequest">, "proxyCountryCode">): BrowserSession {
  checkScreen(body);
  const minutes = body.timeout ?? MAX_MINUTES;
  const hold = cloud.hold({
    profileId: body.profileId ?? null,
    recording: body.enableRecording ?? false,
    timeoutMs: minutes * 60_000,
  });
  const cost = browserCost(minutes * 60_000);
  cloud.spent += cost;
  return cloud.add<BrowserSession>(hold, { kind: "browser", agent: null, metadata: body.metadata ?? {}, cost });
}

function stop(cloud: Cloud, id: string, version: ApiVersion): View {
  const browser = find(cloud, id);
  const wasOpen = browser.end === null;
  cloud.end(browser, "stopped");
  if (wasOpen && browser.agent === null) {
    const cost = browserCost(cloud.clock.now() - browser.startedAt);
    cloud.spent -= browser.cost - cost;
    browser.cost = cost;
  }
  return show(cloud, browser, version, undefined);
}

function wanted(cloud: Cloud, query: QueryOf<"v2_list_browser_sessions_browsers_get">): BrowserSession[] {
  const pairs = (query.metadata ?? []).map((pair) => /^([^:=]*)[:=]?(.*)$/s.exec(pair)?.slice(1) ?? []);
  return matching(
    cloud.ofKind("browser"),
    (session) =>
      (query.filterBy == null || statusOf(session) === query.filterBy) &&
      (query.agentSessionId == null || session.agent?.id === query.agentSessionId) &&
      pairs.every(([key = "", value]) => session.metadata[key] === value),
  );
}

function find(cloud: Cloud, id: string): BrowserSession {
  const session = cloud.sessions.get(id);
  if (session?.kind !== "browser") throw problems.sessionNotFound();
  return session;
}

function showItem(version: ApiVersion): (browser: BrowserSession) => ItemView {
  return (browser) => ({
    id: browser.id,
    status: statusOf(browser),
    liveUrl: liveUrl(browser),
    cdpUrl: browser.end === null ? `wss://cdp.emulator.test/${browser.id}` : null,
    timeoutAt: timestamp(version, browser.closesAt),
    startedAt: timestamp(version, browser.startedAt),
    finishedAt: timestampOrNull(version, browser.finishedAt),
    proxyUsedMb: "0",
    proxyCost: "0",
    browserCost: decimal(browser.cost),
    agentSessionId: browser.agent?.id ?? null,
    recordingUrl: null,
    metadata: { ...browser.metadata },
  });
}

function show(cloud: Cloud, browser: BrowserSession, version: ApiVersion, origin: string | undefined): View {
  return {
    ...showItem(version)(browser),
    recordingUrl: origin === undefined ? null : recordingUrl(cloud, browser, origin),
    recordingAvailable: browser.recording,
  };
}

function statusOf(browser: BrowserSession): Schema<"V2BrowserSessionStatus"> {
  return browser.end === null ? "active" : "stopped";
}

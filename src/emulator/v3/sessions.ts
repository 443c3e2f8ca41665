import { timestamp } from "../clock.ts";
import type { Cloud } from "../cloud.ts";
import { decimal, microUsd } from "../money.ts";
import type { Handlers, Schema } from "../operations.ts";
import { liveUrl, recordingUrl } from "../recordings.ts";
import type { SessionV3 } from "../records.ts";
import { checkScreen } from "../screen.ts";
import { newestFirst } from "../server/paging.ts";
import { problems } from "../server/problem.ts";
import { dispatchV3 } from "./runs.ts";
import { findWorkspace } from "./workspaces.ts";

const TOKENS_PER_STEP = { input: 1000, output: 100 };

type RunTask = Schema<"V3RunTaskRequest">;
type View = Schema<"V3SessionResponse">;

/** Sessions of v3: one operation creates them, gives them tasks, or both. */
export function sessionV3Handlers(cloud: Cloud): Handlers {
  return {
    v3_create_session_sessions_post: ({ body, defaults }) => show(cloud, createOrDispatch(cloud, body, defaults)),
    v3_list_sessions_sessions_get: ({ query }) => {
      const { page, page_size: pageSize } = query;
      const { rows, total } = newestFirst([...cloud.ofKind("v3")], page, pageSize);
      return { sessions: rows.map((session) => show(cloud, session)), total, page, pageSize };
    },
    v3_get_session_sessions__session_id__get: ({ path, origin }) =>
      show(cloud, findSessionV3(cloud, path.session_id), origin),
    v3_stop_session_sessions__session_id__stop_post: ({ path, body }) => {
      const session = findSessionV3(cloud, path.session_id);
      if (body?.strategy === "task") stopTask(session);
      else cloud.end(session, "stopped");
      return show(cloud, session);
    },
    v3_delete_session_sessions__session_id__delete: ({ path }) => {
      const session = findSessionV3(cloud, path.session_id);
      cloud.end(session, "stopped");
      cloud.remove(session);
    },
  };
}

/**
 * The v3 session with this id.
 *
 * @throws Problem 404
 */
export function findSessionV3(cloud: Cloud, id: string): SessionV3 {
  const session = cloud.sessions.get(id);
  if (session?.kind !== "v3") throw problems.sessionNotFound();
  return session;
}

/** The status as the API shows it. */
export function statusV3(session: SessionV3): Schema<"V3BuAgentSessionStatus"> {
  return session.end ?? session.phase;
}

function createOrDispatch(cloud: Cloud, body: RunTask, defaults: Partial<RunTask>): SessionV3 {
  if (body.sessionId != null && body.task == null) {
    throw problems.invalid(["body", "task"], "A task is required for an existing session", "value_error", null);
  }
  checkScreen(body);
  if (body.cacheScript === true && body.workspaceId == null) {
    throw problems.invalid(["body", "cacheScript"], "A workspace is required to cache scripts", "value_error", true);
  }
  const workspaceId = body.workspaceId == null ? null : findWorkspace(cloud, body.workspaceId).id;
  const session = body.sessionId == null ? create(cloud, body, defaults) : idle(cloud, body.sessionId, body);
  session.workspaceId = workspaceId ?? session.workspaceId;
  if (body.task != null) dispatchV3(cloud, session, { ...body, task: body.task });
  return session;
}

/** An existing session that can take a task. */
function idle(cloud: Cloud, id: string, body: RunTask): SessionV3 {
  const session = findSessionV3(cloud, id);
  if (session.end !== null) throw problems.stopped(409);
  if (session.job) throw problems.busy(409);
  if (session.phase === "created") throw problems.notIdleYet();
  if (body.profileId != null && body.profileId !== session.profileId) {
    throw problems.invalid(["body", "profileId"], "A session keeps its profile", "value_error", body.profileId);
  }
  session.keepAlive = body.keepAlive ?? false;
  session.model = body.model ?? session.model;
  return session;
}

function create(cloud: Cloud, body: RunTask, defaults: Partial<RunTask>): SessionV3 {
  const hold = cloud.hold({ profileId: body.profileId ?? null, recording: body.enableRecording ?? false });
  const session = cloud.add<SessionV3>(hold, {
    kind: "v3",
    request: body,
    messages: [],
    phase: "created",
    runId: null,
    told: null,
    updatedAt: hold.startedAt,
    keepAlive: body.keepAlive ?? false,
    model: body.model ?? defaults.model ?? "",
    title: null,
    workspaceId: null,
    output: null,
    outputSchema: null,
    success: null,
    stepCount: 0,
    lastStepSummary: null,
    maxCost: body.maxCostUsd == null ? null : microUsd(body.maxCostUsd),
    runCost: 0,
    totalCost: 0,
  });
  cloud.clock.after(cloud.settings.startDelayMs, () => becomeIdle(cloud, session));
  return session;
}

function becomeIdle(cloud: Cloud, session: SessionV3): void {
  if (session.phase !== "created") return;
  session.phase = "idle";
  session.updatedAt = cloud.clock.now();
  cloud.tell(session);
}

/** Ends the run but not the session, whatever `keepAlive` says. */
function stopTask(session: SessionV3): void {
  session.keepAlive = true;
  session.job?.stop("The task was stopped.");
}

function show(cloud: Cloud, session: SessionV3, origin?: string): View {
  const recording = origin === undefined ? null : recordingUrl(cloud, session, origin);
  const { request } = session;
  return {
    id: session.id,
    status: statusV3(session),
    model: session.model as View["model"], // an open list: any text may be asked for
    title: session.title,
    ...runOf(session),
    liveUrl: liveUrl(session),
    recordingUrls: recording === null ? [] : [recording],
    profileId: session.profileId,
    workspaceId: session.workspaceId,
    proxyCountryCode: request.proxyCountryCode === undefined ? "us" : request.proxyCountryCode,
    screenshotUrl: null,
    agentmailEmail: null,
    integrationsUsed: [],
    thinkingLevel: request.thinkingLevel ?? null,
    browserScreenWidth: request.browserScreenWidth ?? null,
    browserScreenHeight: request.browserScreenHeight ?? null,
    createdAt: timestamp("v3", session.startedAt),
    updatedAt: timestamp("v3", session.updatedAt),
  };
}

/** What a session shows of its runs. The service keeps no runs apart: the last one's values stay until the next one starts. */
function runOf(
  session: SessionV3,
): Pick<
  View,
  | "output"
  | "outputSchema"
  | "isTaskSuccessful"
  | "stepCount"
  | "lastStepSummary"
  | "maxCostUsd"
  | "totalInputTokens"
  | "totalOutputTokens"
  | "proxyUsedMb"
  | "llmCostUsd"
  | "proxyCostUsd"
  | "browserCostUsd"
  | "totalCostUsd"
> {
  return {
    output: session.output,
    outputSchema: session.outputSchema,
    isTaskSuccessful: session.success,
    stepCount: session.stepCount,
    lastStepSummary: session.lastStepSummary,
    maxCostUsd: session.maxCost === null ? null : decimal(session.maxCost),
    totalInputTokens: session.stepCount * TOKENS_PER_STEP.input,
    totalOutputTokens: session.stepCount * TOKENS_PER_STEP.output,
    proxyUsedMb: "0",
    llmCostUsd: decimal(session.totalCost),
    proxyCostUsd: "0",
    browserCostUsd: "0",
    totalCostUsd: decimal(session.totalCost),
  };
}

import { randomUUID } from "node:crypto";
import { timestamp } from "../clock.ts";
import type { Cloud } from "../cloud.ts";
import { decimal } from "../money.ts";
import type { Handlers, Schema } from "../operations.ts";
import type { BrowserSession } from "../records.ts";
import { problems } from "../server/problem.ts";
import { createWorkspace, findWorkspace } from "../v3/workspaces.ts";
import { browserFor, holdFor, openBrowser, settingsAfter } from "./browsers.ts";
import { newestAfter } from "./cursors.ts";
import { dispatchV4, isBusy } from "./dispatch.ts";
import { problemsV4 } from "./problems.ts";
import type { RunV4, SessionV4, UploadV4 } from "./records.ts";
import { findSessionV4 } from "./sessions.ts";
import { attachmentsOf } from "./uploads.ts";

const TOKENS_PER_STEP = { input: 1000, output: 100 };
const CONTEXT_LIMIT = 200_000;

type Create = Schema<"V4RunCreateRequest">;

/** Runs of v4. */
export function runV4Handlers(cloud: Cloud): Handlers {
  return {
    v4_create_run_runs_post: ({ body, defaults, origin }) =>
      created(create(cloud, body, body.model ?? defaults.model ?? ""), origin),
    v4_list_runs_runs_get: ({ query }) => {
      const all = query.sessionId == null ? cloud.runsV4.values() : runsOf(cloud, query.sessionId);
      const { items, ...rest } = newestAfter("runs", all, query, ({ number }) => number);
      return { runs: items.map(show), ...rest };
    },
    v4_get_run_runs__run_id__get: ({ path }) => show(findRunV4(cloud, path.run_id)),
    v4_get_run_status_runs__run_id__status_get: ({ path }) => ({ status: findRunV4(cloud, path.run_id).status }),
    v4_cancel_run_runs__run_id__cancel_post: ({ path }) => {
      const run = findRunV4(cloud, path.run_id);
      run.job?.stop("The run was cancelled.");
      return show(run);
    },
    v4_list_run_attachments_runs__run_id__attachments_get: ({ path }) => ({
      attachments: attachmentsOf(cloud, findRunV4(cloud, path.run_id)).map(showAttachment),
    }),
  };
}

/**
 * The v4 run with this id.
 *
 * @throws Problem 404
 */
export function findRunV4(cloud: Cloud, id: string): RunV4 {
  const run = cloud.runsV4.get(id);
  if (!run) throw problemsV4.runNotFound();
  return run;
}

function create(cloud: Cloud, body: Create, model: string): RunV4 {
  if (body.maxCostUsd != null && !(Number(body.maxCostUsd) > 0)) {
    const place = ["body", "maxCostUsd"];
    throw problems.invalid(place, "Input should be greater than 0", "greater_than", body.maxCostUsd);
  }
  const { session, browser } = body.sessionId == null ? newSession(cloud, body) : followUp(cloud, body.sessionId, body);
  return dispatchV4(cloud, session, { request: body, model, browser });
}

/** A session of its own, with a workspace of its own unless one is named. Nothing is left behind when there is no slot for its browser. */
function newSession(cloud: Cloud, body: Create): { session: SessionV4; browser: BrowserSession } {
  const workspaceId = body.workspaceId == null ? null : findWorkspace(cloud, body.workspaceId).id;
  const settings = settingsAfter({}, body.browserSettings);
  const hold = holdFor(cloud, settings);
  const session: SessionV4 = {
    id: randomUUID(),
    workspaceId: workspaceId ?? createWorkspace(cloud, null).id,
    runs: [],
    queue: [],
    browsers: [],
    settings,
  };
  return { session, browser: openBrowser(cloud, session, hold) };
}

/** A session that can take a run, and the browser for it. */
function followUp(cloud: Cloud, id: string, body: Create): { session: SessionV4; browser: BrowserSession } {
  const session = findSessionV4(cloud, id);
  if (body.workspaceId != null && findWorkspace(cloud, body.workspaceId).id !== session.workspaceId) {
    throw problemsV4.otherWorkspace();
  }
  if (isBusy(session)) throw problemsV4.busy();
  return { session, browser: browserFor(cloud, session, body.browserSettings) };
}

function runsOf(cloud: Cloud, sessionId: string): readonly RunV4[] {
  return cloud.sessionsV4.get(sessionId)?.runs ?? [];
}

function created(run: RunV4, origin: string): Schema<"V4RunCreateResponse"> {
  const found = new Set(run.attachedFileIds);
  return {
    id: run.id,
    status: run.status,
    model: run.model,
    sessionId: run.session.id,
    workspaceId: run.session.workspaceId,
    eventsUrl: `${origin}/api/v4/runs/${run.id}/events`,
    missingFileIds: (run.request.attachedFileIds ?? []).filter((id) => !found.has(id.toLowerCase())),
  };
}

function show(run: RunV4): Schema<"V4RunSummary"> {
  const { id, title, model, status, result, error, session, judgement } = run;
  return {
    id,
    task: run.request.task,
    title,
    model,
    contextLimit: CONTEXT_LIMIT,
    status,
    result,
    error,
    sessionId: session.id,
    workspaceId: session.workspaceId,
    attachedFileIds: run.attachedFileIds && [...run.attachedFileIds],
    judgement,
    totalInputTokens: run.stepCount * TOKENS_PER_STEP.input,
    totalOutputTokens: run.stepCount * TOKENS_PER_STEP.output,
    totalCostUsd: decimal(run.cost),
    createdAt: timestamp("v4", run.createdAt),
    updatedAt: timestamp("v4", run.updatedAt),
  };
}

/** The files that a run was given with `attachedFileIds`. What its agent has left is in the workspace. */
function showAttachment(upload: UploadV4): Schema<"V4RunAttachment"> {
  return {
    id: upload.id,
    name: upload.name,
    contentType: upload.type,
    sizeBytes: upload.size,
    status: upload.isStored() ? "uploaded" : "pending",
  };
}

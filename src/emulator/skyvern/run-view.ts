import { fileInfo, signedUrl } from "./artifacts.ts";
import { naive, naiveOrNull, type SkyvernCloud } from "./cloud.ts";
import type { Schema } from "./operations.ts";
import type { Run } from "./records.ts";

/** A run as it is answered at its dispatch. */
export function showDispatched(cloud: SkyvernCloud, run: Run): Schema<"V1TaskRun"> {
  return view(cloud, run, true);
}

/** A run as it is read: one of the default engine does not say which session it is in. */
export function showRun(cloud: SkyvernCloud, run: Run): Schema<"V1TaskRun"> {
  return view(cloud, run, run.type !== "task_v1");
}

function view(cloud: SkyvernCloud, run: Run, tellsSession: boolean): Schema<"V1TaskRun"> {
  const { browser_session_id: sessionId, ...request } = run.request;
  const of = (test: (type: string) => boolean) => run.artifacts.filter(({ type }) => test(type));
  return {
    run_id: run.id,
    run_type: run.type,
    status: run.status,
    output: run.output ?? null,
    failure_reason: run.failureReason,
    errors: [],
    step_count: run.steps.length,
    browser_session_id: tellsSession ? (sessionId ?? null) : null,
    browser_profile_id: request.browser_profile_id ?? null,
    max_screenshot_scrolls: request.max_screenshot_scrolls ?? null,
    run_request: tellsSession ? { ...run.request } : request,
    app_url: `https://app.emulator.test/tasks/${run.id}`,
    screenshot_urls: of((type) => type.startsWith("screenshot")).map((one) => signedUrl(cloud, one, run.origin)),
    downloaded_files: of((type) => type === "download").map((one) => fileInfo(cloud, one, run.origin)),
    recording_url: null,
    recording_archived: false,
    created_at: naive(run.createdAt),
    modified_at: naive(run.modifiedAt),
    queued_at: naiveOrNull(run.queuedAt),
    started_at: naiveOrNull(run.startedAt),
    finished_at: naiveOrNull(run.finishedAt),
  };
}

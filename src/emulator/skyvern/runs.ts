import { matching, newestFirst } from "../server/paging.ts";
import { naive, naiveOrNull, type SkyvernCloud } from "./cloud.ts";
import type { Handlers, QueryOf, Schema } from "./operations.ts";
import { problems } from "./problems.ts";
import type { Run, TakenStep } from "./records.ts";
import { showRun } from "./run-view.ts";

/** Runs, once they were dispatched. */
export function runHandlers(cloud: SkyvernCloud): Handlers {
  return {
    v1_get_run: ({ path }) => showRun(cloud, cloud.run(path.run_id)),
    v1_list_runs: ({ query }) => newestFirst(wanted(cloud, query), query.page, query.page_size).rows.map(showInShort),
    v1_cancel_run: ({ path }) => {
      cloud.workOf(cloud.run(path.run_id))?.cancel();
      return null;
    },
    v1_cancel_runs: ({ body }) => cancelAll(cloud, body.run_ids),
    v1_get_run_timeline: ({ path }) => {
      const run = cloud.run(path.run_id);
      if (run.type !== "task_v2") throw problems.noTimeline(run.type);
      return run.steps.map(showStep);
    },
    v1_retry_run_webhook: ({ path, body }) => retryWebhook(cloud, cloud.run(path.run_id), body?.webhook_url),
  };
}

function cancelAll(cloud: SkyvernCloud, ids: readonly string[]): Schema<"V1CancelRunsResponse"> {
  const answer: Schema<"V1CancelRunsResponse"> = { cancelled: [], failed: [] };
  for (const id of ids) {
    const run = cloud.runs.get(id);
    const work = run && cloud.workOf(run);
    work?.cancel();
    (work ? answer.cancelled : answer.failed).push(id);
  }
  return answer;
}

/** What is sent is what the run says now. */
async function retryWebhook(cloud: SkyvernCloud, run: Run, given: string | null | undefined): Promise<unknown> {
  const url = given ?? run.request.webhook_url;
  if (url == null) throw problems.noWebhook();
  if (run.finishedAt === null) throw problems.notEnded(run.id);
  const payload = showRun(cloud, run);
  const { status, error } = await cloud.webhooks.send(url, payload);
  return { run_id: run.id, run_type: run.type, target_webhook_url: url, payload, status_code: status, error };
}

/** The emulator knows no tags, so none has what is asked for. */
function wanted(cloud: SkyvernCloud, query: QueryOf<"v1_list_runs">): Run[] {
  const part = (query.search_key ?? "").toLowerCase();
  return matching(
    cloud.runs.values(),
    ({ id, status, type, request }) =>
      (query.status?.includes(status) ?? true) &&
      (query.run_type?.includes(type) ?? true) &&
      (query.tags ?? []).length === 0 &&
      [id, request.title ?? "", request.prompt].some((text) => text.toLowerCase().includes(part)),
  );
}

function showInShort(run: Run): Schema<"V1RunListItem"> {
  return {
    run_id: run.id,
    run_type: run.type,
    status: run.status,
    title: run.request.title ?? null,
    created_at: naive(run.createdAt),
    started_at: naiveOrNull(run.startedAt),
    finished_at: naiveOrNull(run.finishedAt),
  };
}

function showStep({ summary, url, at }: TakenStep): Schema<"V1TimelineItem"> {
  return {
    type: "thought",
    thought: { thought: summary, ...(url !== undefined && { url }) },
    block: null,
    children: [],
    created_at: naive(at),
    modified_at: naive(at),
  };
}

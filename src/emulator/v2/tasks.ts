import { instant, timestamp, timestampOrNull } from "../clock.ts";
import type { Cloud } from "../cloud.ts";
import { decimal } from "../money.ts";
import type { Handlers, QueryOf, Schema } from "../operations.ts";
import type { SessionV2, TaskV2 } from "../records.ts";
import { checkScreen } from "../screen.ts";
import { matching, page } from "../server/paging.ts";
import { problems } from "../server/problem.ts";
import { dispatchV2 } from "./runs.ts";
import { createSessionV2 } from "./sessions.ts";

type CreateTask = Schema<"V2CreateTaskRequest">;

/** Tasks of v2. */
export function taskV2Handlers(cloud: Cloud): Handlers {
  return {
    v2_list_tasks_tasks_get: ({ query }) => page(wanted(cloud, query), query, showTaskItem),
    v2_create_task_tasks_post: ({ body, defaults }) => {
      const outputSchema = parsedSchema(body);
      const session = sessionFor(cloud, body);
      const task = dispatchV2(cloud, session, { request: body, llm: body.llm ?? defaults.llm ?? "", outputSchema });
      return { id: task.id, sessionId: session.id };
    },
    v2_get_task_tasks__task_id__get: ({ path }) => show(find(cloud, path.task_id)),
    v2_update_task_tasks__task_id__patch: ({ path, body }) => {
      const task = find(cloud, path.task_id);
      if (isRunning(task)) task.session.job?.stop("The task was stopped.");
      if (body.action === "stop_task_and_session") cloud.end(task.session, "stopped");
      return show(task);
    },
    v2_get_task_status_tasks__task_id__status_get: ({ path }) => showStatus(find(cloud, path.task_id)),
  };
}

/**
 * The task with this id.
 *
 * @throws Problem 404
 */
export function find(cloud: Cloud, id: string): TaskV2 {
  const task = cloud.tasks.get(id);
  if (!task) throw problems.taskNotFound();
  return task;
}

/** A task as lists and sessions show it. */
export function showTaskItem(task: TaskV2): Schema<"V2TaskItemView"> {
  return {
    id: task.id,
    sessionId: task.session.id,
    llm: task.llm,
    task: task.request.task,
    status: task.status,
    createdAt: timestamp("v2", task.createdAt),
    startedAt: timestampOrNull("v2", task.startedAt),
    finishedAt: timestampOrNull("v2", task.finishedAt),
    metadata: task.request.metadata ?? {},
    output: task.output,
    browserUseVersion: null,
    isSuccess: task.success,
    judgement: null,
    judgeVerdict: null,
    cost: costOf(task),
    suggestions: null,
  };
}

function show(task: TaskV2): Schema<"V2TaskView"> {
  const steps = task.steps.map(({ summary, url }, index) => ({
    number: index + 1,
    memory: summary,
    evaluationPreviousGoal: "",
    nextGoal: summary,
    url: url ?? task.request.startUrl ?? "about:blank",
    screenshotUrl: null,
    actions: [],
  }));
  const outputFiles = [...task.outputFiles].map(([fileName, id]) => ({ id, fileName }));
  return { ...showTaskItem(task), steps, outputFiles };
}

function showStatus(task: TaskV2): Schema<"V2TaskStatusView"> {
  const { id, status, output, finishedAt, isSuccess, cost } = showTaskItem(task);
  return {
    id,
    status,
    output: output ?? null,
    finishedAt: finishedAt ?? null,
    isSuccess: isSuccess ?? null,
    cost: cost ?? null,
  };
}

function costOf(task: TaskV2): string | null {
  return task.startedAt === null ? null : decimal(task.cost);
}

function isRunning(task: TaskV2): boolean {
  return task.status === "created" || task.status === "started";
}

/** Oldest first, whatever a task has done since it was created. */
function wanted(cloud: Cloud, query: QueryOf<"v2_list_tasks_tasks_get">): TaskV2[] {
  const after = query.after == null ? Number.NEGATIVE_INFINITY : instant(query.after);
  const before = query.before == null ? Number.POSITIVE_INFINITY : instant(query.before);
  return matching(
    query.sessionId == null ? cloud.tasks.values() : tasksOf(cloud, query.sessionId),
    (task) =>
      (query.filterBy == null || task.status === query.filterBy) && task.createdAt >= after && task.createdAt <= before,
  );
}

function tasksOf(cloud: Cloud, sessionId: string): readonly TaskV2[] {
  const session = cloud.sessions.get(sessionId);
  return session?.kind === "v2" ? session.tasks : [];
}

/** The session a task goes to: the one it names, or one of its own that is stopped after it. */
function sessionFor(cloud: Cloud, body: CreateTask): SessionV2 {
  checkScreen(body.sessionSettings ?? {}, ["body", "sessionSettings"]);
  if (body.sessionId == null) return createSessionV2(cloud, { ...body.sessionSettings, keepAlive: false });
  const session = cloud.sessions.get(body.sessionId);
  if (session?.kind !== "v2") throw problems.sessionNotFound();
  if (session.end !== null) throw problems.stopped(400);
  if (session.job) throw problems.busy(400);
  return session;
}

function parsedSchema({ structuredOutput }: CreateTask): unknown {
  if (structuredOutput == null) return undefined;
  try {
    return JSON.parse(structuredOutput) as unknown;
  } catch {
    throw problems.invalid(["body", "structuredOutput"], "Not a JSON schema as text", "value_error", structuredOutput);
  }
}

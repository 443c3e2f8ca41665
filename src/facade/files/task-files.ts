import { complete } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import { checkId, refuseUnknown } from "../call/check.ts";
import type { Transport } from "../call/transport.ts";
import type { CallOptions, Ok } from "../types.ts";
import { Download } from "./download.ts";

const TASK = "/v2/tasks/{task_id}";
const LOGS = "/v2/tasks/{task_id}/logs";
const OUTPUT_FILE = "/v2/files/tasks/{task_id}/output-files/{file_id}";

/** The files of one v2 task. */
export interface TaskTarget {
  readonly taskId: string;
}

/** One file that a v2 task has written. */
export interface TaskFileTarget extends TaskTarget {
  readonly fileId: string;
}

/** A file that a task has written, by its id and its name. */
export interface TaskFile extends Readonly<Ok<typeof TASK, "get">["outputFiles"][number]> {}

/** The id of the task, once it is known that nothing else is named. */
export function taskIdOf(target: TaskTarget, where: string): string {
  const { taskId, ...unknown } = (target ?? {}) as Partial<TaskTarget>;
  refuseUnknown(unknown, where);
  return checkId("taskId", taskId);
}

/** One file that a task has written; its name is asked for. */
export async function taskFile(
  api: Api,
  transport: Transport,
  target: TaskFileTarget,
  options: CallOptions,
): Promise<Download<TaskFile>> {
  const { fileId, ...task } = (target ?? {}) as TaskFileTarget;
  const sign = signer(api, taskIdOf(task, "files.download"), checkId("fileId", fileId));
  const { fileName, url } = await sign(options);
  return new Download(transport, { path: fileName, url, raw: { id: fileId, fileName } }, sign);
}

/** All files that a task has written so far. */
export async function* taskFiles(
  api: Api,
  transport: Transport,
  taskId: string,
  options: CallOptions,
): AsyncGenerator<Download<TaskFile>, void, undefined> {
  const answer = await api.GET(TASK, { params: { path: { task_id: taskId } }, ...options });
  const { outputFiles } = complete(answer, `GET ${TASK}`, "outputFiles");
  for (const raw of outputFiles) {
    yield new Download(transport, { path: raw.fileName, raw }, signer(api, taskId, checkId("fileId", raw.id)));
  }
}

/** The log of a task. */
export function taskLogs(api: Api, transport: Transport, taskId: string): Download {
  const params = { path: { task_id: taskId } };
  return new Download(transport, { path: `${taskId}.log` }, async (options) => {
    const { downloadUrl } = complete(await api.GET(LOGS, { params, ...options }), `GET ${LOGS}`, "downloadUrl");
    return { url: downloadUrl };
  });
}

function signer(api: Api, taskId: string, fileId: string) {
  const params = { path: { task_id: taskId, file_id: fileId } };
  return async (options: CallOptions): Promise<{ readonly url: string; readonly fileName: string }> => {
    const answer = await api.GET(OUTPUT_FILE, { params, ...options });
    const { downloadUrl, fileName } = complete(answer, `GET ${OUTPUT_FILE}`, "downloadUrl", "fileName");
    return { url: downloadUrl, fileName };
  };
}

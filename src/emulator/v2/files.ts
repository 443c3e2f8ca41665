import { randomUUID } from "node:crypto";
import { extname } from "node:path";
import type { Cloud } from "../cloud.ts";
import type { Handlers, Schema } from "../operations.ts";
import type { Session, TaskV2 } from "../records.ts";
import { problems } from "../server/problem.ts";
import { outputsOf } from "./runs.ts";
import { uploadsOf } from "./sessions.ts";
import { find as findTask } from "./tasks.ts";

const LINK_EXPIRES_MS = 5 * 60_000;

/** Uploads to v2 sessions and to browsers, and what a task leaves behind. */
export function fileV2Handlers(cloud: Cloud): Handlers {
  return {
    v2_agent_session_upload_file_presigned_url_files_sessions__session_id__presigned_url_post: ({
      path,
      body,
      origin,
    }) => presign(cloud, find(cloud, path.session_id, "v2"), body, origin),
    v2_browser_session_upload_file_presigned_url_files_browsers__session_id__presigned_url_post: ({
      path,
      body,
      origin,
    }) => presign(cloud, find(cloud, path.session_id, "browser"), body, origin),
    v2_get_task_output_file_presigned_url_files_tasks__task_id__output_files__file_id__get: ({ path, origin }) =>
      outputFile(cloud, findTask(cloud, path.task_id), path.file_id, origin),
    v2_get_task_logs_tasks__task_id__logs_get: ({ path, origin }) => {
      const task = findTask(cloud, path.task_id);
      const key = `logs/${task.id}/log.txt`;
      cloud.bucket.put(key, { bytes: Buffer.from(logOf(task)), type: "text/plain" });
      return { downloadUrl: cloud.bucket.presignGet(origin, key, LINK_EXPIRES_MS) };
    },
  };
}

function find(cloud: Cloud, id: string, kind: "v2" | "browser"): Session {
  const session = cloud.sessions.get(id);
  if (session?.kind !== kind) throw problems.sessionNotFound();
  if (session.end !== null) throw problems.stopped(400);
  return session;
}

/** The file gets a name of the server's: two uploads never collide, and a client must use the name it was told. */
function presign(
  cloud: Cloud,
  session: Session,
  body: Schema<"V2UploadFileRequest">,
  origin: string,
): Schema<"V2UploadFilePresignedUrlResponse"> {
  const fileName = serverName(body.fileName);
  const file = { key: `${uploadsOf(session)}/${fileName}`, type: body.contentType, size: body.sizeBytes };
  return { ...cloud.bucket.presignPost(origin, file), method: "POST", fileName };
}

function outputFile(cloud: Cloud, task: TaskV2, id: string, origin: string): Schema<"V2TaskOutputFileResponse"> {
  const [fileName] = [...task.outputFiles].find(([, fileId]) => fileId === id) ?? [];
  if (fileName === undefined) throw problems.outputFileNotFound();
  const downloadUrl = cloud.bucket.presignGet(origin, `${outputsOf(task)}/${fileName}`, LINK_EXPIRES_MS);
  return { id, fileName, downloadUrl };
}

function serverName(asked: string): string {
  const base = asked.split(/[/\\]/).at(-1) || "file";
  const extension = extname(base);
  const stem = base.slice(0, base.length - extension.length).slice(0, 200);
  return `${stem}-${randomUUID().slice(0, 8)}${extension}`;
}

function logOf(task: TaskV2): string {
  const steps = task.steps.map(({ summary, url }, index) => `step ${index + 1} ${url ?? ""} ${summary}`);
  return [`task ${task.id} ${task.status}`, ...steps, ""].join("\n");
}

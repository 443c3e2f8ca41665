import { bodies } from "../../generated/limits.ts";
import { complete } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import { checkId, refuseUnknown } from "../call/check.ts";
import { isRecord } from "../call/redact.ts";
import type { Transport } from "../call/transport.ts";
import { checkBody } from "../check-body.ts";
import { InvalidInputError } from "../errors.ts";
import type { Body, CallOptions, Ok } from "../types.ts";
import type { Download } from "./download.ts";
import { guessType } from "./media-type.ts";
import type { GivenFile, SignUpload, Slot, UploadedFile } from "./storing.ts";
import { notStored } from "./storing.ts";
import {
  type TaskFile,
  type TaskFileTarget,
  type TaskTarget,
  taskFile,
  taskFiles,
  taskIdOf,
  taskLogs,
} from "./task-files.ts";
import { checkFileName, checkUploadOptions, filesOf, storeAll, type UploadFile, type UploadOptions } from "./upload.ts";

const PRESIGN_FOR_SESSION = "/v2/files/sessions/{session_id}/presigned-url";
const PRESIGN_FOR_BROWSER = "/v2/files/browsers/{session_id}/presigned-url";
type UploadBody = Body<typeof PRESIGN_FOR_SESSION, "post">;
type Form = Ok<typeof PRESIGN_FOR_SESSION, "post">;

/** Where files go. */
export type UploadTarget = { readonly sessionId: string } | { readonly browserId: string };

/** A file that has passed all checks. */
interface Checked extends GivenFile {
  readonly request: UploadBody;
}

/** Files of agent sessions and browsers. */
export class Files {
  readonly #api: Api;
  readonly #transport: Transport;

  constructor(api: Api, transport: Transport) {
    this.#api = api;
    this.#transport = transport;
  }

  /** The same, with signatures asked for through another `api`. */
  over(api: Api): Files {
    return new Files(api, this.#transport);
  }

  /**
   * A file that a v2 task has written, by its id among the `outputFiles` of the task.
   *
   * @throws {@link NotFoundError} when there is no such task, or no such file.
   * @see `GET /v2/files/tasks/{task_id}/output-files/{file_id}`
   */
  async download(target: TaskFileTarget, options: CallOptions = {}): Promise<Download<TaskFile>> {
    return taskFile(this.#api, this.#transport, target, options);
  }

  /**
   * All files that a v2 task has written: `await saveFiles(browserUse.files.downloads({ taskId: run.id }), folder)`.
   *
   * @throws {@link NotFoundError} when there is no such task.
   * @see `GET /v2/tasks/{task_id}`
   */
  downloads(target: TaskTarget, options: CallOptions = {}): AsyncGenerator<Download<TaskFile>, void, undefined> {
    return taskFiles(this.#api, this.#transport, taskIdOf(target, "files.downloads"), options);
  }

  /**
   * The log of a v2 task. Nothing is asked for before it is read.
   *
   * @see `GET /v2/tasks/{task_id}/logs`
   */
  logs(target: TaskTarget): Download {
    return taskLogs(this.#api, this.#transport, taskIdOf(target, "files.logs"));
  }

  /**
   * Stores files where the agent or the browser finds them: each through a form that the service signs, straight to the file store,
   * a few at a time. All are checked before the first is sent. 1 byte to 10 MiB each.
   *
   * @returns what was stored, in the order given; use `fileName` in the task.
   * @throws {@link InvalidInputError} for a name, size or type that cannot be, before anything is sent.
   * @throws {@link UploadError} when the file store refuses one; `uploaded` has those it took.
   * @throws {@link NotFoundError} when there is no such session.
   * @throws `options.signal.reason` when aborted.
   * @see `POST /v2/files/sessions/{session_id}/presigned-url`
   * @see `POST /v2/files/browsers/{session_id}/presigned-url`
   */
  async upload(
    target: UploadTarget,
    files: UploadFile | readonly UploadFile[],
    options: UploadOptions = {},
  ): Promise<UploadedFile[]> {
    checkUploadOptions(options, "files.upload");
    const sign = this.#signer(target);
    return storeAll(this.#transport, filesOf(files).map(check), options, sign);
  }

  #signer(target: UploadTarget): SignUpload<Checked> {
    const { sessionId, browserId, ...unknown } = (target ?? {}) as { sessionId?: unknown; browserId?: unknown };
    refuseUnknown(browserId === undefined ? unknown : { ...unknown, sessionId }, "A target of files.upload");
    const [path, id] =
      browserId === undefined
        ? ([PRESIGN_FOR_SESSION, checkId("sessionId", sessionId)] as const)
        : ([PRESIGN_FOR_BROWSER, checkId("browserId", browserId)] as const);
    const params = { path: { session_id: id } };
    return async (file, { signal }) => {
      const answer = await this.#api.POST(path, { params, body: file.request, signal });
      return slotOf(complete(answer, `POST ${path}`, "url", "fields", "fileName"), file);
    };
  }
}

/** Every field as it was given, in its order, and the file last. */
function slotOf({ url, fields, fileName, expiresIn }: Form, { blob, sizeBytes, request }: Checked): Slot {
  if (typeof fileName !== "string" || !isRecord(fields))
    throw notStored({ name: request.fileName }, "the service's answer makes no form.");
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", blob, fileName);
  const expiresAt = performance.now() + expiresIn * 1000;
  const stored = { fileName, sizeBytes, type: request.contentType };
  return { method: "POST", url, headers: new Headers(), form, expiresAt, stored };
}

function check(file: GivenFile): Checked {
  const { name, sizeBytes, type } = file;
  const contentType = bareType(type) || guessType(name);
  if (!isAllowed(contentType))
    throw new InvalidInputError(
      `${name}: ${contentType ? `type ${contentType} is refused` : "its type is unknown"}; allowed are ${ALLOWED.join(", ")}.`,
    );
  if (sizeBytes === 0) throw new InvalidInputError(`${name} has 0 bytes: the service takes 1 byte to 10 MiB.`);
  const request = { fileName: checkFileName(name), contentType, sizeBytes };
  try {
    return { ...file, request: checkBody("POST /v2/files/sessions/{session_id}/presigned-url", request) };
  } catch (cause) {
    throw new InvalidInputError(`${name.slice(0, 80)}: ${(cause as Error).message}`, { cause });
  }
}

const CHECKED_FIELDS = bodies["POST /v2/files/sessions/{session_id}/presigned-url"].properties;
const ALLOWED: readonly string[] = (CHECKED_FIELDS?.["contentType"]?.enum ?? []).map(String);

function isAllowed(type: string): type is UploadBody["contentType"] {
  return ALLOWED.includes(type);
}

function bareType(type: string): string {
  return (type.split(";", 1)[0] ?? "").trim().toLowerCase();
}

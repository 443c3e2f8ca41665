import { complete } from "../facade/call/answers.ts";
import type { Api } from "../facade/call/api.ts";
import { checkLimit } from "../facade/call/check.ts";
import { cannotBeRead } from "../facade/call/retry.ts";
import { InvalidInputError } from "../facade/errors.ts";
import { guessType } from "../facade/files/media-type.ts";
import { type GivenFile, notStored } from "../facade/files/storing.ts";
import { checkFileName, filesOf, type UploadFile } from "../facade/files/upload.ts";
import type { CallOptions } from "../facade/types.ts";
import type { Limit } from "../generated/limits.ts";
import type { paths } from "../generated/skyvern/api.ts";
import { checkGiven } from "./check-body.ts";
import type { Ok } from "./types.ts";

const UPLOAD = "POST /v1/upload_file";
/** What goes with a file; forms have no generated limits. */
const FIELDS: Limit = { properties: { retention_days: { type: "integer", minimum: 1, maximum: 365 } } };

/** How a file is kept. */
export interface SkyvernUploadRequest {
  /** Days until it is deleted by itself, 1 to 365. Left out, as the service does. */
  readonly retention_days?: number | undefined;
}

/** A file that the service has. Give its `presigned_url` to a task. */
export interface SkyvernFile extends Readonly<Ok<"/v1/upload_file", "post">> {}

/** Files for Skyvern's tasks. */
export class SkyvernFiles {
  readonly #api: Api<paths>;

  constructor(api: Api<paths>) {
    this.#api = api;
  }

  /**
   * Uploads one file, at most 10 MB: name its `presigned_url` in a task. It is sent once: after an error with `outcome: "unknown"` the
   * service may have it.
   *
   * @throws {@link InvalidInputError} for a file without a name or without bytes, before anything is sent.
   * @throws {@link ApiError} 413 for one that is too large.
   * @throws {@link UploadError} for one that cannot be read.
   * @throws `options.signal.reason` when aborted.
   * @see `POST /v1/upload_file`
   */
  async upload(file: UploadFile, request: SkyvernUploadRequest = {}, options: CallOptions = {}): Promise<SkyvernFile> {
    const [given] = filesOf([file]);
    const { retention_days } = checkLimit(FIELDS, UPLOAD, checkGiven("The request of files.upload", request));
    if (!given) throw new InvalidInputError("files.upload takes one file.");
    const body = formOf(given, retention_days);
    const answer = await this.#api.POST("/v1/upload_file", { body, ...options }).catch((cause) => {
      if (!cannotBeRead(cause)) throw cause;
      throw notStored(given, "the file has changed since it was opened, or cannot be read any more.", {}, { cause });
    });
    return complete(answer, UPLOAD, "s3_uri", "presigned_url");
  }
}

/** The file goes last, under its name: without one the service takes it for a text. */
function formOf({ name, blob, sizeBytes, type }: GivenFile, retentionDays: number | undefined): FormData {
  checkFileName(name);
  if (sizeBytes === 0) throw new InvalidInputError(`${name} has 0 bytes.`);
  const form = new FormData();
  if (retentionDays !== undefined) form.append("retention_days", String(retentionDays));
  form.append("file", blob.slice(0, sizeBytes, type || guessType(name)), name);
  return form;
}

import { bodies } from "../generated/limits.ts";
import { complete } from "./answers.ts";
import type { Api } from "./api.ts";
import { checkBody, checkId, hasControlOrLoneSurrogate, refuseUnknown } from "./check.ts";
import { BrowserUseError, InvalidInputError, UploadError } from "./errors.ts";
import { redactor } from "./redact.ts";
import type { Answer, Call, Transport } from "./transport.ts";
import type { Body, CallOptions, Ok } from "./types.ts";

const PRESIGN_FOR_SESSION = "/v2/files/sessions/{session_id}/presigned-url";
const PRESIGN_FOR_BROWSER = "/v2/files/browsers/{session_id}/presigned-url";
const PARALLEL_UPLOADS = 4;
/** Bytes get a limit that grows with their number: a minute, and the time that a slow line needs. */
const TRANSFER_BASE_MS = 60_000;
const SLOWEST_BYTES_PER_MS = 50;
const TRANSFER_ATTEMPTS = 3;

type UploadBody = Body<typeof PRESIGN_FOR_SESSION, "post">;
type Form = Ok<typeof PRESIGN_FOR_SESSION, "post">;

/** A file to upload: a `File`, or a name with its bytes. The type is guessed from the name when it is left out. */
export type UploadFile =
  | File
  | {
      readonly name: string;
      readonly data: Blob | Uint8Array | ArrayBuffer;
      readonly type?: string | undefined;
    };

/** Where files go. */
export type UploadTarget = { readonly sessionId: string } | { readonly browserId: string };

/** A file that was stored. */
export interface UploadedFile {
  /** The name to use in a task; the service may have changed yours. */
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly type: string;
}

/** How files are uploaded. */
export interface UploadOptions {
  /** Aborts the upload, which then rejects with `signal.reason`. Files that were stored stay stored. */
  readonly signal?: AbortSignal | undefined;
}

/** A file that has passed all checks. */
interface Checked {
  readonly blob: Blob;
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
    const { signal, ...unknown } = options;
    refuseUnknown(unknown, "files.upload");
    const sign = this.#signer(target, { signal });
    const checked = [files].flat().map((file: UploadFile, index) => check(file, index));
    signal?.throwIfAborted();
    const results = await settleInParallel(checked, (file) => this.#store(file, sign, signal));
    signal?.throwIfAborted();
    return allOrError(checked, results);
  }

  #signer(target: UploadTarget, options: CallOptions): (body: UploadBody) => Promise<Form> {
    const { sessionId, browserId, ...unknown } = (target ?? {}) as { sessionId?: unknown; browserId?: unknown };
    refuseUnknown(browserId === undefined ? unknown : { ...unknown, sessionId }, "A target of files.upload");
    const [path, id] =
      browserId === undefined
        ? ([PRESIGN_FOR_SESSION, checkId("sessionId", sessionId)] as const)
        : ([PRESIGN_FOR_BROWSER, checkId("browserId", browserId)] as const);
    const params = { path: { session_id: id } };
    return async (body) =>
      complete(await this.#api.POST(path, { params, body, ...options }), `POST ${path}`, "url", "fields", "fileName");
  }

  /** A signature can expire on the way: then a second one is asked for, once. */
  async #store(
    file: Checked,
    sign: (body: UploadBody) => Promise<Form>,
    signal: AbortSignal | undefined,
  ): Promise<UploadedFile> {
    for (let signed = 1; ; signed++) {
      const form = await sign(file.request);
      const sentAt = performance.now();
      const answer = await this.#send(form, file, signal);
      const isLate = performance.now() - sentAt > form.expiresIn * 1000;
      if (answer.response.ok)
        return { fileName: form.fileName, sizeBytes: file.blob.size, type: file.request.contentType };
      if (signed === 1 && answer.response.status === 403 && (isLate || /expired/i.test(answer.text))) continue;
      throw refused(answer, file);
    }
  }

  /** Every field as it was given, in its order, and the file last. The key does not go there. */
  async #send(form: Form, file: Checked, signal: AbortSignal | undefined): Promise<Answer> {
    const body = new FormData();
    for (const [name, value] of Object.entries(form.fields)) body.append(name, value);
    body.append("file", file.blob, form.fileName);
    const request = {
      method: "POST",
      url: checkUrl(form.url, file),
      headers: new Headers(),
      body,
      redirect: "error",
    } as const;
    try {
      return await this.#transport.transfer(request, transferOf(file, signal));
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      const why = cause instanceof BrowserUseError ? cause.message : "the way to the file store broke.";
      throw new UploadError(
        `${file.request.fileName} was not stored: ${why}`,
        { fileName: file.request.fileName },
        { cause },
      );
    }
  }
}

function transferOf({ blob }: Checked, signal: AbortSignal | undefined): Call {
  const timeoutMs = TRANSFER_BASE_MS + blob.size / SLOWEST_BYTES_PER_MS;
  return {
    operation: "The file store",
    repeatable: true,
    expects: "anything",
    signal,
    timeoutMs,
    totalTimeoutMs: TRANSFER_ATTEMPTS * timeoutMs,
    maxRetries: TRANSFER_ATTEMPTS - 1,
    redact: redactor([]),
  };
}

function checkUrl(text: string, { request }: Checked): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname)))) return url.href;
  throw new UploadError(`${request.fileName} was not stored: the service sent an address that is not https.`, request);
}

/** Whether a host is this machine, where plain http is no risk. */
export function isLoopback(host: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/i.test(host);
}

function refused({ response, text }: Answer, { request }: Checked): UploadError {
  const storeCode = /<Code>([^<]{1,100})<\/Code>/.exec(text)?.[1];
  const message = /<Message>([^<]{1,300})<\/Message>/.exec(text)?.[1];
  const why = [storeCode, message].filter(Boolean).join(": ") || "no reason given";
  const { fileName } = request;
  const { status } = response;
  return new UploadError(redactor([])(`${fileName} was refused by the file store with ${status} (${why}).`), {
    fileName,
    status,
    storeCode,
  });
}

/** Runs a few at a time, to the end of all: a file that was stored is never forgotten because another one failed. */
async function settleInParallel<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<PromiseSettledResult<R>[]> {
  const results: PromiseSettledResult<R>[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue)
      [results[index]] = (await Promise.allSettled([work(item)])) as [PromiseSettledResult<R>];
  };
  await Promise.all(Array.from({ length: PARALLEL_UPLOADS }, worker));
  return results;
}

function allOrError(files: readonly Checked[], results: readonly PromiseSettledResult<UploadedFile>[]): UploadedFile[] {
  const uploaded = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failed = results.findIndex(({ status }) => status === "rejected");
  const [result, file] = [results[failed], files[failed]];
  if (result?.status !== "rejected" || !file) return uploaded;
  const cause: unknown = result.reason;
  if (uploaded.length === 0) throw cause;
  const { fileName } = file.request;
  if (!(cause instanceof UploadError))
    throw new UploadError(`${fileName} was not stored.`, { fileName, uploaded }, { cause });
  const { status, storeCode } = cause;
  throw new UploadError(cause.message, { fileName, status, storeCode, uploaded }, { cause });
}

function check(file: UploadFile, index: number): Checked {
  const { name, data, type } = partsOf(file, index);
  const blob = data instanceof Blob ? data : new Blob([data as BlobPart]);
  const contentType = bareType(type || blob.type) || guessType(name);
  if (!isAllowed(contentType))
    throw new InvalidInputError(
      `${name}: ${contentType ? `type ${contentType} is refused` : "its type is unknown"}; allowed are ${ALLOWED.join(", ")}.`,
    );
  if (blob.size === 0) throw new InvalidInputError(`${name} has 0 bytes: the service takes 1 byte to 10 MiB.`);
  if (/[/\\]/.test(name) || hasControlOrLoneSurrogate(name))
    throw new InvalidInputError(`${JSON.stringify(name)} is no file name: it has a slash or a control character.`);
  const request = { fileName: name, contentType, sizeBytes: blob.size };
  try {
    return { blob, request: checkBody("POST /v2/files/sessions/{session_id}/presigned-url", request) };
  } catch (cause) {
    throw new InvalidInputError(`${name.slice(0, 80)}: ${(cause as Error).message}`, { cause });
  }
}

function partsOf(
  file: UploadFile,
  index: number,
): { name: string; data: Blob | Uint8Array | ArrayBuffer; type: string | undefined } {
  const given = (typeof file === "object" && file !== null ? file : {}) as {
    name?: unknown;
    data?: unknown;
    type?: string;
  };
  const data = file instanceof Blob ? file : given.data;
  const { name, type } = given;
  if (typeof name !== "string" || name === "")
    throw new InvalidInputError(`File ${index + 1} has no name: pass a File, or { name, data }.`);
  if (data instanceof Blob || data instanceof Uint8Array || data instanceof ArrayBuffer) return { name, data, type };
  throw new InvalidInputError(`${name}: data must be a Blob, a Uint8Array or an ArrayBuffer.`);
}

const CHECKED_FIELDS = bodies["POST /v2/files/sessions/{session_id}/presigned-url"].properties;
const ALLOWED: readonly string[] = (CHECKED_FIELDS?.["contentType"]?.enum ?? []).map(String);

function isAllowed(type: string): type is UploadBody["contentType"] {
  return ALLOWED.includes(type);
}

function bareType(type: string): string {
  return (type.split(";", 1)[0] ?? "").trim().toLowerCase();
}

function guessType(name: string): string {
  const extension = /\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  return Object.hasOwn(TYPES, extension) ? (TYPES[extension] ?? "") : "";
}

const OFFICE = "application/vnd.openxmlformats-officedocument";
const TYPES: Readonly<Record<string, string>> = {
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  gif: "image/gif",
  webp: "image/webp",
  svg: "image/svg+xml",
  pdf: "application/pdf",
  doc: "application/msword",
  docx: `${OFFICE}.wordprocessingml.document`,
  xls: "application/vnd.ms-excel",
  xlsx: `${OFFICE}.spreadsheetml.sheet`,
  txt: "text/plain",
  csv: "text/csv",
  md: "text/markdown",
};

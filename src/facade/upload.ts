import { checkSignal, refuseUnknown } from "./check.ts";
import { BrowserUseError, ConnectionError, InvalidInputError, UploadError } from "./errors.ts";
import { redactor } from "./redact.ts";
import { cannotBeRead } from "./retry.ts";
import { reasonIn, saysExpired, storeUrl } from "./store.ts";
import type { Answer, Call, Outgoing, Transport } from "./transport.ts";

const PARALLEL_UPLOADS = 4;
/** Bytes get a limit that grows with their number: a minute, and the time that a slow line needs. */
const TRANSFER_BASE_MS = 60_000;
const SLOWEST_BYTES_PER_MS = 50;
const LONGEST_TRANSFER_MS = 2_000_000_000;
const TRANSFER_ATTEMPTS = 3;

/** A file to upload: a `File`, or a name with its bytes. The type is guessed from the name when it is left out. */
export type UploadFile =
  | File
  | {
      readonly name: string;
      readonly data: Blob | Uint8Array | ArrayBuffer;
      readonly type?: string | undefined;
    };

/** A file that was stored. */
export interface UploadedFile {
  /** The name to use in a task; the service may have changed yours. */
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly type: string;
}

/** How far an upload has come. */
export interface UploadProgress {
  /** Of all files of the call. Falls back to less when a file has to be sent again. */
  readonly sentBytes: number;
  readonly totalBytes: number;
  /** How many files are stored. */
  readonly storedFiles: number;
}

/** How files are uploaded. */
export interface UploadOptions {
  /** Aborts the upload, which then rejects with `signal.reason`. Files that were stored stay stored. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Called whenever a file is stored; of a file for a workspace also as its bytes leave, where the runtime tells (Node does, Bun does
   * not). What it throws ends the upload, which rejects with it.
   */
  readonly onProgress?: ((progress: UploadProgress) => unknown) | undefined;
}

/** A file whose parts are sound. */
export interface GivenFile {
  readonly name: string;
  readonly blob: Blob;
  /** As it was checked: where a file has changed meanwhile, its `Blob` may tell another one. */
  readonly sizeBytes: number;
  /** As it was given; empty when it was left out. */
  readonly type: string;
}

/** Where the file store takes one file, and how. */
export interface Slot {
  readonly method: "POST" | "PUT";
  readonly url: string;
  readonly headers: Headers;
  /** A form that holds the file; left out where the file itself is the body. */
  readonly form?: FormData;
  /** When the signature becomes too old, on the clock of `performance.now()`. */
  readonly expiresAt: number;
  readonly stored: UploadedFile;
}

/** Asks the service where a file goes; `again` when the answer to the first time has expired. */
export type SignUpload<F> = (file: F, how: { readonly again: boolean; readonly signal: AbortSignal }) => Promise<Slot>;

/** The files of a call, once each has a name and bytes. */
export function filesOf(files: UploadFile | readonly UploadFile[]): GivenFile[] {
  return [files].flat().map((file: UploadFile, index) => {
    const { name, data, type } = partsOf(file, index);
    const blob = data instanceof Blob ? data : new Blob([data as BlobPart]);
    return { name, blob, sizeBytes: blob.size, type: type || blob.type };
  });
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
  if (type != null && typeof type !== "string") throw new InvalidInputError(`${name}: type must be a text.`);
  if (data instanceof Blob || data instanceof Uint8Array || data instanceof ArrayBuffer) return { name, data, type };
  throw new InvalidInputError(`${name}: data must be a Blob, a Uint8Array or an ArrayBuffer.`);
}

/** Checks what all uploads are given, before anything is sent. */
export function checkUploadOptions({ signal, onProgress, ...unknown }: UploadOptions, where: string): void {
  refuseUnknown(unknown, where);
  checkSignal(signal);
  if (onProgress != null && typeof onProgress !== "function")
    throw new InvalidInputError("onProgress must be a function.");
}

/**
 * Stores files, a few at a time, and gives what was stored, in their order.
 *
 * @throws {@link UploadError} when one of them was not stored; `uploaded` has the others.
 */
export async function storeAll<F extends GivenFile>(
  transport: Transport,
  files: readonly F[],
  { signal, onProgress }: UploadOptions,
  sign: SignUpload<F>,
): Promise<UploadedFile[]> {
  signal?.throwIfAborted();
  const control = new AbortController();
  const leave = () => control.abort(signal?.reason);
  signal?.addEventListener("abort", leave, { once: true });
  const watch = onProgress && watcher(files, onProgress, control);
  try {
    const storing = (file: F) => store(transport, file, sign, control.signal, watch?.());
    const results = await settleInParallel(files, storing);
    control.signal.throwIfAborted();
    return allOrError(files, results);
  } finally {
    signal?.removeEventListener("abort", leave);
  }
}

/** Takes note of one file: how many of its bytes are sent, and whether it is stored. */
type Tell = (sentBytes: number, isStored?: boolean) => void;

/** Adds up the files of a call. A caller whose `onProgress` throws wants no more of it. */
function watcher(
  files: readonly GivenFile[],
  onProgress: NonNullable<UploadOptions["onProgress"]>,
  control: AbortController,
): () => Tell {
  const totalBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  let sum = 0;
  let storedFiles = 0;
  return () => {
    let told = 0;
    return (sentBytes, isStored = false) => {
      sum += sentBytes - told;
      told = sentBytes;
      if (isStored) storedFiles += 1;
      if (control.signal.aborted) return;
      try {
        onProgress({ sentBytes: sum, totalBytes, storedFiles });
      } catch (error) {
        control.abort(error);
      }
    };
  };
}

/** A signature can expire on the way: then a second one is asked for, once. */
async function store<F extends GivenFile>(
  transport: Transport,
  file: F,
  sign: SignUpload<F>,
  signal: AbortSignal,
  tell: Tell | undefined,
): Promise<UploadedFile> {
  for (let again = false; ; again = true) {
    const slot = await sign(file, { again, signal });
    const failed = await send(transport, file, slot, signal, tell);
    if (!failed) {
      tell?.(file.sizeBytes, true);
      return slot.stored;
    }
    if (again || !failed.isOutdated) throw failed.error;
  }
}

/** Why a file was not stored, and whether a new signature may help. */
interface Failed {
  readonly error: UploadError;
  readonly isOutdated: boolean;
}

async function send(
  transport: Transport,
  file: GivenFile,
  slot: Slot,
  signal: AbortSignal,
  tell: Tell | undefined,
): Promise<Failed | undefined> {
  const isLate = () => performance.now() > slot.expiresAt;
  try {
    const answer = await transport.transfer(outgoing(file, slot, tell), callOf(file, signal));
    if (!answer.response.ok) {
      const isRefusedForAge = saysExpired(answer.response.status, answer.text);
      return {
        error: refused(answer, file),
        isOutdated: isRefusedForAge && (isLate() || /expired/i.test(answer.text)),
      };
    }
    // Some runtimes send what a file holds now, and not what it held when its size was told.
    return file.blob.size === file.sizeBytes ? undefined : { error: changed(file), isOutdated: false };
  } catch (cause) {
    signal.throwIfAborted();
    // A store that refuses in the middle of a large body is often not heard: all that comes back is a broken connection.
    return { error: broken(cause, file), isOutdated: cause instanceof ConnectionError && isLate() };
  }
}

/** The key does not go there. */
function outgoing(file: GivenFile, { method, url, headers, form }: Slot, tell: Tell | undefined): Outgoing {
  const address = storeUrl(url);
  if (address === undefined) throw notStored(file, "the service sent an address that is not https.");
  return { method, url: address, headers, body: form ?? counted(file, tell), redirect: "error" };
}

/** The same bytes, counted as they are read. A runtime that reads a `Blob` in another way counts nothing. */
function counted({ blob }: GivenFile, tell: Tell | undefined): Blob {
  if (!tell) return blob;
  const stream = () => {
    let sentBytes = 0;
    const transform = (chunk: Uint8Array, controller: TransformStreamDefaultController) => {
      sentBytes += chunk.length;
      tell(sentBytes);
      controller.enqueue(chunk);
    };
    return blob.stream().pipeThrough(new TransformStream({ transform }));
  };
  // A copy of the handle, so that the caller's own stays as it is; no bytes are copied.
  return Object.defineProperty(blob.slice(0, blob.size, blob.type), "stream", { value: stream });
}

function callOf({ sizeBytes }: GivenFile, signal: AbortSignal): Call {
  const timeoutMs = Math.min(TRANSFER_BASE_MS + sizeBytes / SLOWEST_BYTES_PER_MS, LONGEST_TRANSFER_MS);
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

/** An error that names the file. */
export function notStored(
  { name }: Pick<GivenFile, "name">,
  why: string,
  details: { readonly status?: number; readonly storeCode?: string | undefined } = {},
  options?: ErrorOptions,
): UploadError {
  return new UploadError(`${name} was not stored: ${why}`, { fileName: name, ...details }, options);
}

function refused({ response, text }: Answer, file: GivenFile): UploadError {
  const { status } = response;
  const { storeCode, why } = reasonIn(text);
  return notStored(file, `the file store refused it with ${status} (${why}).`, { status, storeCode });
}

function broken(cause: unknown, file: GivenFile): UploadError {
  if (cause instanceof UploadError) return cause;
  if (cannotBeRead(cause)) return changed(file, { cause });
  const why = cause instanceof BrowserUseError ? cause.message : "the way to the file store broke.";
  return notStored(file, why, {}, { cause });
}

function changed(file: GivenFile, options?: ErrorOptions): UploadError {
  return notStored(file, "the file has changed since it was opened, or cannot be read any more.", {}, options);
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

function allOrError(
  files: readonly GivenFile[],
  results: readonly PromiseSettledResult<UploadedFile>[],
): UploadedFile[] {
  const uploaded = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failed = results.findIndex(({ status }) => status === "rejected");
  const [result, file] = [results[failed], files[failed]];
  if (result?.status !== "rejected" || !file) return uploaded;
  const cause: unknown = result.reason;
  if (uploaded.length === 0) throw cause;
  const { name: fileName } = file;
  if (!(cause instanceof UploadError))
    throw new UploadError(`${fileName} was not stored.`, { fileName, uploaded }, { cause });
  const { status, storeCode } = cause;
  throw new UploadError(cause.message, { fileName, status, storeCode, uploaded }, { cause });
}

/** The type that goes with the end of a name; empty when nobody knows. */
export function guessType(name: string): string {
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
  json: "application/json",
  html: "text/html",
  xml: "application/xml",
  zip: "application/zip",
};

import { checkSignal, hasControlOrLoneSurrogate, refuseUnknown } from "../call/check.ts";
import { onAbort } from "../call/on-abort.ts";
import type { Transport } from "../call/transport.ts";
import { InvalidInputError, UploadError } from "../errors.ts";
import { type GivenFile, type SignUpload, store, type Tell, type UploadedFile } from "./storing.ts";

const PARALLEL_UPLOADS = 4;

/** A file to upload: a `File`, or a name with its bytes. The type is guessed from the name when it is left out. */
export type UploadFile =
  | File
  | {
      readonly name: string;
      readonly data: Blob | Uint8Array | ArrayBuffer;
      readonly type?: string | undefined;
    };

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

/** The files of a call, once each has a name and bytes. */
export function filesOf(files: UploadFile | readonly UploadFile[]): GivenFile[] {
  return [files].flat().map((file: UploadFile, index) => {
    const { name, data, type } = partsOf(file, index);
    const blob = data instanceof Blob ? data : new Blob([data as BlobPart]);
    return { name, blob, sizeBytes: blob.size, type: type || blob.type };
  });
}

/**
 * Checks a name that the service is to keep.
 *
 * @throws {@link InvalidInputError} for one with a slash or a control character.
 */
export function checkFileName(name: string): string {
  if (!/[/\\]/.test(name) && !hasControlOrLoneSurrogate(name)) return name;
  throw new InvalidInputError(`${JSON.stringify(name)} is no file name: it has a slash or a control character.`);
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
  const stay = onAbort(signal, () => control.abort(signal?.reason));
  const watch = onProgress && watcher(files, onProgress, control);
  try {
    const storing = (file: F) => store(transport, file, sign, control.signal, watch?.());
    const results = await settleInParallel(files, storing);
    control.signal.throwIfAborted();
    return allOrError(files, results);
  } finally {
    stay();
  }
}

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
      const tell = async () => onProgress({ sentBytes: sum, totalBytes, storedFiles });
      tell().catch((error) => control.abort(error));
    };
  };
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

import { redactor } from "../call/redact.ts";
import { cannotBeRead } from "../call/retry.ts";
import type { Answer, Call, Outgoing, Transport } from "../call/transport.ts";
import { BrowserUseError, ConnectionError, UploadError } from "../errors.ts";
import { reasonIn, saysExpired, storeUrl } from "./store.ts";

/** Bytes get a limit that grows with their number: a minute, and the time that a slow line needs. */
const TRANSFER_BASE_MS = 60_000;
const SLOWEST_BYTES_PER_MS = 50;
const LONGEST_TRANSFER_MS = 2_000_000_000;
const TRANSFER_ATTEMPTS = 3;

/** A file whose parts are sound. */
export interface GivenFile {
  readonly name: string;
  readonly blob: Blob;
  /** As it was checked: where a file has changed meanwhile, its `Blob` may tell another one. */
  readonly sizeBytes: number;
  /** As it was given; empty when it was left out. */
  readonly type: string;
}

/** A file that was stored. */
export interface UploadedFile {
  /** The name to use in a task; the service may have changed yours. */
  readonly fileName: string;
  readonly sizeBytes: number;
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

/** Takes note of one file: how many of its bytes are sent, and whether it is stored. */
export type Tell = (sentBytes: number, isStored?: boolean) => void;

/** A signature can expire on the way: then a second one is asked for, once. */
export async function store<F extends GivenFile>(
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
    expects: "bytes",
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

import { onAbort } from "../call/on-abort.ts";
import { redactor, withoutSecrets } from "../call/redact.ts";
import { classifyAnswer, retryDelayMs } from "../call/retry.ts";
import type { Transport } from "../call/transport.ts";
import { LimitReached, orHandOver, sleep, untilAborted } from "../call/wait.ts";
import { DownloadError } from "../errors.ts";
import type { CallOptions } from "../types.ts";
import { type FileState, isRestOf, sizeOf, stateOf } from "./file-state.ts";
import { reasonIn, saysExpired, storeUrl } from "./store.ts";

/** How long to wait for the next byte. A file has no limit as a whole. */
const STALL_MS = 60_000;
/** How often in a row a file store may fail, until so many bytes have come that the way is seen to work. */
const ATTEMPTS = 4;
const PROGRESS_BYTES = 1024 * 1024;
/** More of a refusal is not read. */
const LONGEST_REFUSAL = 16 * 1024;

/** What `new Uint8Array` gives: since TypeScript 5.7 that says which buffer is behind it, and before it could not. */
export type Bytes = ReturnType<typeof Uint8Array.of>;
type Body = ReadableStreamDefaultReader<Bytes>;
type Details = { readonly status?: number; readonly storeCode?: string | undefined };

/** Bytes of a file, and where in it they belong. A piece at 0 that is not the first means: forget the others, the file begins anew. */
export interface Piece {
  readonly at: number;
  readonly bytes: Bytes;
}

/** Asks the service for a fresh address of the file. Called again when one has expired. */
export type SignDownload = (options: CallOptions) => Promise<{
  readonly url: string;
  readonly sizeBytes?: number | undefined;
}>;

/** What is read, and how. */
export interface ReadingOptions {
  readonly path: string;
  /** As it was listed. */
  readonly sizeBytes: number | undefined;
  /** An address to begin with. */
  readonly url: string | undefined;
  readonly sign: SignDownload;
  /** Whether what was given can be taken back. */
  readonly canRestart: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onPiece: (receivedBytes: number, totalBytes: number | undefined) => unknown;
}

/** A fault that may be gone on the next try, and what to say when it is not. */
class Passing {
  readonly error: DownloadError;
  readonly retryAfterMs: number | undefined;

  constructor(error: DownloadError, retryAfterMs?: number) {
    this.error = error;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A fault that a fresh address may mend: this one has expired, or is of a file that was replaced since it was listed. */
class Outdated {
  readonly error: DownloadError;

  constructor(error: DownloadError) {
    this.error = error;
  }
}

/** One reading of one file, from its first byte to its last. */
export class Reading {
  readonly #transport: Transport;
  readonly #options: ReadingOptions;
  readonly #control = new AbortController();
  #url: string | undefined;
  #listedBytes: number | undefined;
  /** Where the next byte belongs. */
  #at = 0;
  /** Whether what was given has to be taken back first. */
  #isAnew = false;
  #state: FileState | undefined;

  constructor(transport: Transport, options: ReadingOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#url = options.url;
    this.#listedBytes = options.sizeBytes;
  }

  /** Ends the reading, also in the middle of a piece. */
  leave(reason?: unknown): void {
    this.#control.abort(reason);
  }

  /** The file. Whoever has enough of it leaves no request behind. */
  async *pieces(): AsyncGenerator<Piece, void, undefined> {
    const { signal, onPiece } = this.#options;
    signal?.throwIfAborted();
    const stay = onAbort(signal, () => this.leave(signal?.reason));
    try {
      for await (const piece of this.#attempts()) {
        await onPiece(this.#at, this.#state?.totalBytes);
        yield piece;
      }
    } finally {
      stay();
    }
  }

  async *#attempts(): AsyncGenerator<Piece, void, undefined> {
    const { signal } = this.#control;
    for (let failed = 1, markAt = 0; ; failed++) {
      try {
        return yield* this.#attempt();
      } catch (fault) {
        signal.throwIfAborted();
        if (!(fault instanceof Passing)) throw fault;
        // All of it has come; it was only the end of the connection that broke.
        if (this.#at === this.#state?.totalBytes) return;
        if (this.#state?.tag && this.#at - markAt >= PROGRESS_BYTES) [failed, markAt] = [1, this.#at];
        const delayMs = retryDelayMs(failed, fault.retryAfterMs);
        if (failed === ATTEMPTS || delayMs > STALL_MS || !this.#canGoOn()) throw fault.error;
        await sleep(delayMs, signal);
      }
    }
  }

  /** From where it broke; without a tag nobody knows whether the rest is of the same file, so that it begins anew where it can. */
  #canGoOn(): boolean {
    if (this.#state?.tag || this.#at === 0) return true;
    this.#at = 0;
    this.#isAnew = true;
    return this.#options.canRestart;
  }

  async *#attempt(): AsyncGenerator<Piece, void, undefined> {
    const own = new AbortController();
    const { signal } = this.#control;
    const stay = onAbort(signal, () => own.abort(signal.reason));
    let body: Body | undefined;
    try {
      body = await this.#open(own);
      if (this.#isAnew) yield this.#take(new Uint8Array());
      this.#isAnew = false;
      for (;;) {
        const { done, value } = await this.#patiently(body.read(), own);
        if (done) break;
        if (value.length > 0) yield this.#take(value);
      }
      const missing = (this.#state?.totalBytes ?? this.#at) - this.#at;
      if (missing > 0) throw new Passing(this.#error(`it ended ${missing} bytes too early.`));
    } finally {
      stay();
      // Whatever is still on its way is not wanted any more.
      body?.cancel().catch(() => {});
    }
  }

  #take(bytes: Bytes): Piece {
    const at = this.#at;
    if (at + bytes.length > (this.#state?.totalBytes ?? Number.POSITIVE_INFINITY))
      throw this.#error("it is longer than it should be.");
    this.#at += bytes.length;
    return { at, bytes };
  }

  /** A given address may be outdated: then a fresh one is asked for, once. */
  async #open(own: AbortController): Promise<Body> {
    for (let given = this.#url; ; given = undefined) {
      const url = given ?? (await this.#freshUrl());
      const response = await this.#patiently(this.#request(url, own.signal), own);
      try {
        await this.#check(response, own);
        return (response.body ?? new Blob().stream()).getReader();
      } catch (fault) {
        response.body?.cancel().catch(() => {});
        if (!(fault instanceof Outdated)) throw fault;
        if (given === undefined) throw fault.error;
      }
    }
  }

  async #freshUrl(): Promise<string> {
    const { signal } = this.#control;
    const { url, sizeBytes } = await this.#options.sign({ signal });
    this.#listedBytes = sizeBytes ?? this.#listedBytes;
    this.#url = url;
    return url;
  }

  #request(address: string, signal: AbortSignal): Promise<Response> {
    const url = storeUrl(address);
    if (url === undefined) throw this.#error("the service sent an address that is not https.");
    // Compressed on the way, its bytes could not be counted.
    const headers = new Headers({ "Accept-Encoding": "identity" });
    if (this.#at > 0 && this.#state?.tag) {
      headers.set("Range", `bytes=${this.#at}-`);
      headers.set("If-Range", this.#state.tag);
    }
    const request = { method: "GET", url, headers, redirect: "manual" } as const;
    // An answer that comes too late is not left open.
    return orHandOver(this.#transport.receive(request, signal), signal, (late) => late.body?.cancel());
  }

  /** At the start the file is what the answer says, if that fits the listing; later nothing but the rest of the same file will do. */
  async #check(response: Response, own: AbortController): Promise<void> {
    const { ok, status } = response;
    if (!ok) throw await this.#refusal(response, own);
    if (this.#at > 0 && this.#state) {
      if (isRestOf(response, this.#at, this.#state)) return;
      throw this.#error("it has changed since the download began.", { status });
    }
    const sizeBytes = sizeOf(response, this.#listedBytes);
    if (status !== 200) throw this.#error(`the file store answered ${status} when asked for all of it.`, { status });
    if (sizeBytes === undefined) throw this.#error("the file store does not say how long it is.", { status });
    if (sizeBytes !== (this.#listedBytes ?? sizeBytes))
      throw new Outdated(this.#error("it is not as long as was listed.", { status }));
    this.#state = stateOf(response, sizeBytes);
  }

  async #refusal(response: Response, own: AbortController): Promise<DownloadError | Passing | Outdated> {
    const { status } = response;
    if (status === 0 || (status >= 300 && status < 400))
      return this.#error("the file store answered with a redirect, which is not followed.", { status });
    const text = await this.#startOf(response, own);
    const { storeCode, why } = reasonIn(text);
    const error = this.#error(`the file store refused with ${status} (${why}).`, { status, storeCode });
    if (saysExpired(status, text)) return new Outdated(error);
    const failure = classifyAnswer({ response, text, attempts: 1 });
    return failure?.kind === "final" ? error : new Passing(error, failure?.retryAfterMs);
  }

  /** What can be read of a refusal; its status says enough where that breaks. */
  async #startOf({ body }: Response, own: AbortController): Promise<string> {
    const reader = body?.getReader();
    const decoder = new TextDecoder();
    let text = "";
    try {
      while (reader && text.length < LONGEST_REFUSAL) {
        const { done, value } = await this.#patiently(reader.read(), own);
        if (done) break;
        text += decoder.decode(value, { stream: true });
      }
    } catch {
      // The refusal stands.
    }
    reader?.cancel().catch(() => {});
    return text;
  }

  async #patiently<T>(work: Promise<T>, own: AbortController): Promise<T> {
    const timer = setTimeout(() => own.abort(new LimitReached()), STALL_MS);
    try {
      return await untilAborted(work, own.signal);
    } catch (fault) {
      const what = fault instanceof LimitReached ? `stood still for ${STALL_MS} ms` : "broke";
      const cause = withoutSecrets(fault, redactor([]));
      throw new Passing(this.#error(`the way from the file store ${what} after ${this.#at} bytes.`, {}, { cause }));
    } finally {
      clearTimeout(timer);
    }
  }

  #error(why: string, details: Details = {}, options?: ErrorOptions): DownloadError {
    const { path } = this.#options;
    return new DownloadError(
      `${JSON.stringify(path)} was not downloaded: ${why}`,
      { fileName: path, ...details },
      options,
    );
  }
}

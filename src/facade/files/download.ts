import { checkSignal, refuseUnknown } from "../call/check.ts";
import type { Transport } from "../call/transport.ts";
import { InvalidInputError } from "../errors.ts";
import { type Bytes, type Piece, Reading, type SignDownload } from "./reading.ts";

export type { SignDownload } from "./reading.ts";

/** What is known of a file before it is read. */
export interface DownloadableFile<Raw = unknown> {
  readonly path: string;
  readonly sizeBytes?: number | undefined;
  readonly lastModifiedAt?: Date | undefined;
  /** A fresh address that came with a listing: the first reading begins with it. */
  readonly url?: string | undefined;
  readonly raw?: Raw | undefined;
}

/** How far a download has come. */
export interface DownloadProgress {
  /** Of the file, as {@link Download.path} has it. */
  readonly path: string;
  /** Falls back to less when a file has to be read anew. */
  readonly receivedBytes: number;
  /** Undefined when it cannot be known: the file is stored compressed. */
  readonly totalBytes: number | undefined;
}

/** How a file is read. */
export interface DownloadOptions {
  /** Aborts the download, which then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Called whenever bytes have come in. What it throws ends the download. */
  readonly onProgress?: ((progress: DownloadProgress) => unknown) | undefined;
}

/** {@link Download} piece by piece, for who can begin anew. Nothing is asked for before the first piece is. */
export let piecesOf: (download: Download, options: DownloadOptions) => AsyncGenerator<Piece, void, undefined>;

/**
 * A file that can be read, as often as you like; nothing is asked for before. Each reading is whole or rejects: it goes on where a fault
 * has broken it, asks for a new address when one has expired, counts the bytes, and never mixes two states of a file.
 */
export class Download<Raw = unknown> {
  /** Path or name of the file, as the service has it. Do not join it to a folder yourself: `saveFiles` keeps it inside. */
  readonly path: string;
  /** Undefined when the service has not said it. */
  readonly sizeBytes: number | undefined;
  /** When the file was last stored. Undefined when the service has not said it. */
  readonly lastModifiedAt: Date | undefined;
  readonly #transport: Transport;
  readonly #sign: SignDownload;
  readonly #raw: Raw | undefined;
  #url: string | undefined;

  static {
    piecesOf = (download, options) => {
      if (!(typeof download === "object" && download !== null && #url in download))
        throw new InvalidInputError("Pass a Download, such as browser.downloads() gives.");
      return download.#read(options, true).pieces();
    };
  }

  constructor(transport: Transport, file: DownloadableFile<Raw>, sign: SignDownload) {
    this.path = file.path;
    this.sizeBytes = file.sizeBytes;
    this.lastModifiedAt = file.lastModifiedAt;
    this.#transport = transport;
    this.#sign = sign;
    this.#raw = file.raw;
    this.#url = file.url;
  }

  /** The service's own view of the file, where it has one. Its `url` opens the file to whoever has it. */
  get raw(): Raw | undefined {
    return this.#raw;
  }

  /**
   * Reads the whole file into memory.
   *
   * @throws {@link DownloadError} when the file store refuses, the way from it breaks again and again, or the file changes meanwhile.
   * @throws {@link ApiError}, {@link ConnectionError}, {@link TimeoutError} when the service gives no new address.
   * @throws `options.signal.reason` when aborted.
   */
  async bytes(options: DownloadOptions = {}): Promise<Bytes> {
    let pieces: Piece[] = [];
    for await (const piece of this.#read(options, true).pieces()) {
      if (piece.at === 0) pieces = [];
      pieces.push(piece);
    }
    const last = pieces.at(-1);
    const whole = new Uint8Array(last ? last.at + last.bytes.length : 0);
    for (const { at, bytes } of pieces) whole.set(bytes, at);
    return whole;
  }

  /** Reads the whole file as UTF-8 text. Rejects as {@link Download.bytes} does. */
  async text(options: DownloadOptions = {}): Promise<string> {
    return new TextDecoder().decode(await this.bytes(options));
  }

  /**
   * Reads the file as it is asked for. What was read cannot be taken back: where the file store cannot go on in the middle of this file, a
   * fault there ends the stream. Rejects as {@link Download.bytes} does; cancelling it ends the request.
   */
  stream(options: DownloadOptions = {}): ReadableStream<Bytes> {
    const reading = this.#read(options, false);
    const pieces = reading.pieces();
    return new ReadableStream(
      {
        pull: async (controller) => {
          const { done, value } = await pieces.next();
          if (done) controller.close();
          else controller.enqueue(value.bytes);
        },
        cancel: async (reason) => {
          reading.leave(reason);
          await pieces.return();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** Options are checked at once, and the rest happens as it is asked for. The address of a listing is used once: it is soon too old. */
  #read(options: DownloadOptions, canRestart: boolean): Reading {
    const { signal, onProgress, ...unknown } = options;
    refuseUnknown(unknown, "A download");
    checkSignal(signal);
    const { path, sizeBytes } = this;
    const url = this.#url;
    this.#url = undefined;
    return new Reading(this.#transport, {
      path,
      sizeBytes,
      url,
      sign: this.#sign,
      canRestart,
      signal,
      onPiece: (receivedBytes, totalBytes) => onProgress?.({ path, receivedBytes, totalBytes }),
    });
  }
}

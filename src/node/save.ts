import { randomUUID } from "node:crypto";
import { type FileHandle, lstat, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { checkSignal } from "../facade/call/check.ts";
import { InvalidInputError } from "../facade/errors.ts";
import { type Download, type DownloadOptions, piecesOf } from "../facade/files/download.ts";

/** How a file is saved. */
export interface SaveOptions extends DownloadOptions {
  /** Leave a file alone that is there already with the size and the time of the download. Default: false. */
  readonly resume?: boolean | undefined;
}

/** A file on this machine. */
export interface SavedFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Whether it was there already, and left alone: with `resume` only. */
  readonly wasThere: boolean;
}

/**
 * Saves a download under a path. What is there under that path is replaced at once and as a whole, when all bytes have come and are
 * on the disk; after a fault or an abort it is as it was, and nothing else is left. The file's time becomes that of the download.
 *
 * @throws {@link DownloadError} when the file store refuses, the way from it breaks again and again, or the file changes meanwhile.
 * @throws {@link InvalidInputError} for a path that cannot be, or that is a folder.
 * @throws the system's own error when the file cannot be written; its folder must be there.
 * @throws `options.signal.reason` when aborted.
 */
export async function saveFile(download: Download, path: string, options: SaveOptions = {}): Promise<SavedFile> {
  const { resume = false, ...reading } = options;
  const pieces = piecesOf(download, reading);
  checkSignal(reading.signal);
  reading.signal?.throwIfAborted();
  if (typeof path !== "string" || path === "" || path.includes("\0"))
    throw new InvalidInputError("path must be the path of a file.");
  const there = await lstat(path).catch(() => undefined);
  if (there?.isDirectory()) throw new InvalidInputError("path must be the path of a file, and is a folder.");
  if ((there && !there.isFile() && !there.isSymbolicLink()) || /[/\\]$/.test(path))
    throw new InvalidInputError("path must be the path of a file, and is none.");
  const { sizeBytes, lastModifiedAt } = download;
  if (resume && there?.isFile() && there.size === sizeBytes && isSameTime(there.mtimeMs, lastModifiedAt))
    return { path, sizeBytes, wasThere: true };
  return replace(path, lastModifiedAt, reading.signal, (file) => write(pieces, file));
}

/** File systems keep fractions of a second in fractions of their own, and runtimes round them. */
function isSameTime(mtimeMs: number, instant: Date | undefined): boolean {
  return instant !== undefined && Math.abs(mtimeMs - instant.getTime()) < 2;
}

/** The temporary file stands beside the other, so that a rename can put it there in one step. */
async function replace(
  path: string,
  lastModifiedAt: Date | undefined,
  signal: AbortSignal | undefined,
  fill: (file: FileHandle) => Promise<number>,
): Promise<SavedFile> {
  const temporary = join(dirname(path), `.${randomUUID()}.part`);
  const file = await open(temporary, "wx");
  try {
    const sizeBytes = await fill(file);
    if (lastModifiedAt) await file.utimes(new Date(), lastModifiedAt);
    await file.sync();
    await file.close();
    signal?.throwIfAborted();
    await rename(temporary, path);
    return { path, sizeBytes, wasThere: false };
  } catch (error) {
    await file.close().catch(() => {});
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

async function write(pieces: ReturnType<typeof piecesOf>, file: FileHandle): Promise<number> {
  let sizeBytes = 0;
  for await (const { at, bytes } of pieces) {
    if (at < sizeBytes) await file.truncate(at);
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
      done += bytesWritten;
    }
    sizeBytes = at + bytes.length;
  }
  return sizeBytes;
}

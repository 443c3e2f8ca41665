import { join } from "node:path";
import { checkSignal, refuseUnknown } from "../facade/call/check.ts";
import { redactor } from "../facade/call/redact.ts";
import { untilAborted } from "../facade/call/wait.ts";
import { DownloadError, InvalidInputError } from "../facade/errors.ts";
import type { Download } from "../facade/files/download.ts";
import { Folder } from "./folder.ts";
import { type SavedFile, type SaveOptions, saveFile } from "./save.ts";

const PARALLEL = 4;

/** A file that was not saved, and why. */
interface Failed {
  readonly path: string;
  readonly cause: unknown;
}

/**
 * Saves downloads into a folder, each under its own path, a few at a time, and each as {@link saveFile} does. The folder is made if it is not
 * there. No path leads out of it: `..`, absolute paths, drives, backslashes, control characters, and links that lead out are refused, and so is
 * a path that another file of this call has. All are tried before the first failure is told.
 *
 * @returns what was saved, in the order given.
 * @throws {@link DownloadError} when one or more were not saved: `saved` has the others, `cause` says why.
 * @throws {@link InvalidInputError} for what is no list of downloads.
 * @throws `options.signal.reason` when aborted; what was saved stays.
 */
export async function saveFiles(
  downloads: Iterable<Download> | AsyncIterable<Download>,
  folder: string,
  options: SaveOptions = {},
): Promise<SavedFile[]> {
  const { signal, onProgress, resume, ...unknown } = options;
  refuseUnknown(unknown, "saveFiles");
  checkSignal(signal);
  const iterator = iteratorOf(downloads);
  if (typeof folder !== "string" || folder === "") throw new InvalidInputError("folder must be the path of a folder.");
  signal?.throwIfAborted();
  const target = await Folder.at(folder);
  const saved: SavedFile[] = [];
  const failed: Failed[] = [];
  const save = async (download: Download, index: number) => {
    try {
      const names = target.take(download.path);
      const file = await saveFile(download, await target.pathOf(names), options);
      saved[index] = { ...file, path: join(folder, ...names) };
    } catch (cause) {
      failed[index] = { path: String(download?.path), cause };
    }
  };
  const listFault = await eachOf(iterator, save, signal);
  signal?.throwIfAborted();
  if (listFault) failed.push(listFault);
  // Both have holes where the other has an entry.
  const [first, ...others] = failed.flat();
  if (first) throw toError(first, others.length, saved.flat());
  return saved;
}

function iteratorOf(
  downloads: Iterable<Download> | AsyncIterable<Download>,
): Iterator<Download> | AsyncIterator<Download> {
  if (typeof downloads === "object" && downloads !== null) {
    if (Symbol.asyncIterator in downloads) return downloads[Symbol.asyncIterator]();
    if (Symbol.iterator in downloads) return downloads[Symbol.iterator]();
  }
  throw new InvalidInputError("downloads must be a list of Downloads, or give them one after the other.");
}

/** A few at a time, and none is left behind when it ends. What comes out is why the list broke off, if it did. */
async function eachOf(
  iterator: Iterator<Download> | AsyncIterator<Download>,
  work: (download: Download, index: number) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<Failed | undefined> {
  const running = new Set<Promise<void>>();
  try {
    for (let index = 0; ; index++) {
      const next = await untilAborted(Promise.resolve(iterator.next()), signal);
      if (next.done) return undefined;
      const one: Promise<void> = work(next.value, index).finally(() => running.delete(one));
      running.add(one);
      if (running.size >= PARALLEL) await Promise.race(running);
    }
  } catch (cause) {
    // It may be in the middle of a page, and is told for when it gets there.
    Promise.resolve(iterator.return?.()).catch(() => {});
    return { path: "", cause };
  } finally {
    await Promise.all(running);
  }
}

function toError({ path, cause }: Failed, more: number, saved: readonly SavedFile[]): DownloadError {
  const others = more > 0 ? ` ${more} more failed.` : "";
  const { status, storeCode } = cause instanceof DownloadError ? cause : {};
  return new DownloadError(`${whyOf(path, cause)}${others}`, { fileName: path, status, storeCode, saved }, { cause });
}

function whyOf(path: string, cause: unknown): string {
  if (cause instanceof DownloadError) return cause.message;
  const what = path === "" ? "The list of the files broke off" : `${JSON.stringify(path)} was not saved`;
  return redactor([])(`${what}: ${cause instanceof Error ? cause.message : cause}`);
}

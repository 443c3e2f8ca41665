import { constants, openAsBlob } from "node:fs";
import { access, stat } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { refuseUnknown } from "../facade/call/check.ts";
import { InvalidInputError } from "../facade/errors.ts";

/** What is told of a file beside its bytes. */
export interface FileFromPathOptions {
  /** Default: the last part of the path. For a workspace it may have folders, `a/report.pdf`. */
  readonly name?: string | undefined;
  /** Its media type. Default: guessed from the name. */
  readonly type?: string | undefined;
}

/** A file on this machine, as `upload` takes it. */
export interface LocalFile {
  readonly name: string;
  /** Read as it is sent, and anew when it is sent again. */
  readonly data: Blob;
  readonly type: string | undefined;
}

/**
 * Opens a file for `upload`, without reading it: its bytes go from the disk to the file store, so that memory does not grow with the
 * size of the file. It must stay as it is until it is stored; where it does not, `upload` rejects. On Deno the file is read into memory
 * at once, and on Bun for an upload to a v2 session or a browser, which take 10 MiB at most.
 *
 * @throws {@link InvalidInputError} when there is no such file, when it may not be read, or is a folder.
 */
export async function fileFromPath(path: string | URL, options: FileFromPathOptions = {}): Promise<LocalFile> {
  const { name, type, ...unknown } = options;
  refuseUnknown(unknown, "fileFromPath");
  const local = typeof path === "string" ? path : await orRefuse(path, () => fileURLToPath(path));
  const isFile = await orRefuse(local, async () => (await stat(local)).isFile());
  if (!isFile) throw refusal(local, "it is no file");
  const data = await orRefuse(local, async () => {
    await access(local, constants.R_OK);
    return openAsBlob(local);
  });
  return { name: name ?? basename(local), data, type };
}

async function orRefuse<T>(path: string | URL, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw refusal(path, reasonOf(cause), { cause });
  }
}

function refusal(path: string | URL, why: string, options?: ErrorOptions): InvalidInputError {
  return new InvalidInputError(`${String(path)} cannot be uploaded: ${why}.`, options);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EACCES: "it may not be read",
  EPERM: "it may not be read",
};

function reasonOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  return REASONS[code ?? ""] ?? code ?? message;
}

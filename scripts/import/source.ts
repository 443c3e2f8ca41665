import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { MAX_FILE_BYTES } from "../spec/guard.ts";
import { fail } from "../spec/problem.ts";
import { download } from "./download.ts";

/** What was read, and how it is called in messages. */
export interface Bytes {
  /** The path as it was given, or the address without its query, which may hold a secret. */
  readonly file: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads a file or an address. At most 16 MB are taken, and that is checked before anything is read.
 *
 * @throws {@link SpecError} naming the source.
 */
export async function readSource(source: string): Promise<Bytes> {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(source)) return await download(source);
  return { file: source, bytes: await readBytes(source) };
}

/** Refuses what is too large, before or while it is read. */
export function assertSize(size: number, file: string): void {
  if (size > MAX_FILE_BYTES) fail(file, "", `has more than ${MAX_FILE_BYTES / 1_000_000} MB, which is the limit`);
}

async function readBytes(file: string): Promise<Uint8Array> {
  const handle = await open(resolve(file)).catch(() => fail(file, "", "cannot be read; is the name right?"));
  try {
    const found = await handle.stat();
    if (!found.isFile()) fail(file, "", "is no file");
    assertSize(found.size, file);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

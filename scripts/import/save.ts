import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fail } from "../spec/problem.ts";

/**
 * Writes a file as a whole or not at all: beside it first, then in its place. Tells whether that changed anything.
 *
 * @throws {@link SpecError} when the file cannot be written; the old one is as it was then.
 */
export async function save(file: string, text: string): Promise<"written" | "unchanged"> {
  const path = resolve(file);
  const old = await readFile(path, "utf8").catch(() => undefined);
  if (old === text) return "unchanged";
  const beside = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    await writeFile(beside, text, { flag: "wx" });
    await rename(beside, path);
  } catch {
    await rm(beside, { force: true });
    return fail(file, "", "cannot be written; is there such a directory?");
  }
  return "written";
}

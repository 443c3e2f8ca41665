import { lstat, mkdir, realpath } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import { hasControlOrLoneSurrogate } from "../facade/call/check.ts";
import { DownloadError } from "../facade/errors.ts";

/** File systems on which two spellings may be one file. */
const FOLDS_CASE = process.platform === "win32" || process.platform === "darwin";

/** A folder that takes files under paths which somebody else has chosen, and lets none of them out. */
export class Folder {
  readonly #root: string;
  readonly #taken = new Set<string>();

  private constructor(root: string) {
    this.#root = root;
  }

  /** Makes the folder if it is not there. */
  static async at(path: string): Promise<Folder> {
    await mkdir(path, { recursive: true });
    return new Folder(await realpath(path));
  }

  /**
   * Where the file of this path belongs, as the names of its folders and its own. Each path is taken once.
   *
   * @throws {@link DownloadError} for a path that leads out, that is none, or that another file has.
   */
  take(path: string): readonly string[] {
    if (typeof path !== "string") throw refusal(String(path), "it has no path.");
    const names = path.split("/");
    const isDrive = /^[a-z]:/i.test(path) || (process.platform === "win32" && path.includes(":"));
    if (isDrive || path.includes("\\") || hasControlOrLoneSurrogate(path) || names.some((name) => /^[. ]*$/.test(name)))
      throw refusal(path, "its path leads out of the folder, or is none.");
    const place = FOLDS_CASE ? path.normalize().toLowerCase() : path;
    if (this.#taken.has(place)) throw refusal(path, "another file of this call has the same path.");
    this.#taken.add(place);
    return names;
  }

  /** Makes the folders for a file, one after the other: a link among them could lead out. */
  async pathOf(names: readonly string[]): Promise<string> {
    let folder = this.#root;
    for (const name of names.slice(0, -1)) {
      const next = join(folder, name);
      await mkdir(next).catch(unlessThere);
      folder = (await lstat(next)).isSymbolicLink() ? await realpath(next) : next;
      if (isOutside(relative(this.#root, folder))) throw refusal(names.join("/"), "a link leads out of the folder.");
    }
    return join(folder, names.at(-1) ?? "");
  }
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}

function isOutside(way: string): boolean {
  return way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way);
}

function refusal(path: string, why: string): DownloadError {
  return new DownloadError(`${JSON.stringify(path)} was not saved: ${why}`, { fileName: path });
}

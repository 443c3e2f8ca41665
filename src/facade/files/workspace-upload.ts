import { hasControlOrLoneSurrogate } from "../call/check.ts";
import { checkBody } from "../check-body.ts";
import type { Context } from "../context.ts";
import { InvalidInputError, type UploadError } from "../errors.ts";
import { guessType } from "./media-type.ts";
import { storeUrl } from "./store.ts";
import { type GivenFile, notStored, type SignUpload, type Slot, type UploadedFile } from "./storing.ts";
import { checkUploadOptions, filesOf, storeAll, type UploadFile, type UploadOptions } from "./upload.ts";
import { type SignedPlace, type UploadItem, type UploadRoute, v3Route } from "./upload-route.ts";

const MOST_PER_REQUEST = 10;
const LONGEST_NAME = 255;
const LONGEST_EXTENSION = 20;
const SIGNATURE_MS = 5 * 60_000;
/** A signature that is almost over is not used: a file store that refuses it in the middle of a large body may not be heard. */
const SPARE_MS = 60_000;

/** How files are uploaded into a workspace. */
export interface WorkspaceUploadOptions extends UploadOptions {
  /** The folder to put them into, such as `invoices/2026`. Default: where the service puts what is told no folder. */
  readonly prefix?: string | undefined;
}

/** A file that has passed all checks, and knows its place. */
interface Placed extends GivenFile {
  readonly folder: string;
  readonly request: UploadItem;
  readonly operation: string;
}

/**
 * Checks files that are meant for a workspace, before anything is sent; what it gives stores them there.
 *
 * @throws {@link InvalidInputError} for a name, size or type that cannot be.
 */
export function workspaceUpload(
  { api, transport }: Pick<Context, "api" | "transport">,
  files: UploadFile | readonly UploadFile[],
  { prefix = "", ...options }: WorkspaceUploadOptions,
  where: string,
  route: UploadRoute = v3Route(api),
): (workspaceId: string, signal?: AbortSignal) => Promise<UploadedFile[]> {
  checkUploadOptions(options, where);
  const placed = place(filesOf(files), prefix, route);
  return async (workspaceId, signal = options.signal) => {
    const ask: Ask = (folder, files, own) => route.sign({ workspaceId, folder, files }, own);
    return storeAll(transport, placed, { ...options, signal }, signer(placed, ask));
  };
}

type Ask = (folder: string, files: UploadItem[], signal: AbortSignal) => Promise<readonly SignedPlace[]>;
type Slots = ReadonlyMap<Placed, Slot>;

/** Asks for ten at a time, once the first of them is about to be sent: what is signed too early has expired when its turn comes. */
function signer(files: readonly Placed[], ask: Ask): SignUpload<Placed> {
  const batches = batchesOf(files);
  const signed = new Map<readonly Placed[], Promise<Slots>>();
  const owners = new Map<string, Placed>();
  let refusal: { readonly error: unknown } | undefined;
  const signBatch = async (batch: readonly Placed[], signal: AbortSignal): Promise<Slots> => {
    // What the service refuses for ten files it will not grant for the next hundred.
    if (refusal) throw refusal.error;
    const expiresAt = performance.now() + SIGNATURE_MS;
    try {
      const [first] = batch;
      const requests = batch.map(({ request }) => request);
      return match(batch, await ask(first?.folder ?? "", requests, signal), owners, expiresAt);
    } catch (error) {
      refusal = { error };
      throw error;
    }
  };
  return async (file, { again, signal }) => {
    const batch = batches.get(file) ?? [file];
    if (!signed.has(batch)) signed.set(batch, signBatch(batch, signal));
    const slot = again ? undefined : (await signed.get(batch))?.get(file);
    if (slot && performance.now() < slot.expiresAt - SPARE_MS) return slot;
    const fresh = (await signBatch([file], signal)).get(file);
    if (!fresh) throw unusable(file);
    return fresh;
  };
}

/** Files of one folder, at most ten together: the service keeps what is after the last slash of a name, and is told the folder apart. */
function batchesOf(files: readonly Placed[]): ReadonlyMap<Placed, readonly Placed[]> {
  const open = new Map<string, Placed[]>();
  return new Map(
    files.map((file) => {
      const last = open.get(file.folder);
      const batch = last && last.length < MOST_PER_REQUEST ? last : [];
      batch.push(file);
      open.set(file.folder, batch);
      return [file, batch] as const;
    }),
  );
}

/** Which answer is for which file: each has one, no two share a place, and nothing is sent before that is sure. */
function match(
  batch: readonly Placed[],
  answers: readonly SignedPlace[],
  owners: Map<string, Placed>,
  expiresAt: number,
): Slots {
  const byName = new Map([answers].flat().map((taken) => [taken?.name, taken]));
  return new Map(
    batch.map((file) => {
      const { name, contentType } = file.request;
      const { path, uploadUrl } = byName.get(name) ?? {};
      const url = storeUrl(String(uploadUrl));
      if (typeof path !== "string" || path === "" || !url || answers.length !== batch.length) throw unusable(file);
      for (const place of [path, url]) own(place, file, owners);
      const stored = { fileName: path, sizeBytes: file.sizeBytes, type: contentType };
      return [file, { method: "PUT", url, headers: new Headers({ "Content-Type": contentType }), expiresAt, stored }];
    }),
  );
}

function own(place: string, file: Placed, owners: Map<string, Placed>): void {
  const owner = owners.get(place) ?? file;
  if (owner !== file) throw notStored(file, `the service has given it the place of ${owner.name}.`);
  owners.set(place, file);
}

function unusable(file: Placed): UploadError {
  return notStored(file, `${file.operation} answered with something that does not fit the files that were asked for.`);
}

/** Says where each file goes. Of equal names the first keeps its own, and none gets the name of another. */
function place(files: readonly GivenFile[], prefix: string, route: UploadRoute): Placed[] {
  const root = folderOf(prefix);
  const given = new Set(files.map(({ name }) => name));
  const counts = new Map<string, number>();
  const used = new Set<string>();
  return files.map((file) => {
    let name = file.name;
    for (let count = counts.get(file.name) ?? 1; used.has(name); counts.set(file.name, count)) {
      count += 1;
      const next = numbered(file.name, count);
      if (!given.has(next)) name = next;
    }
    used.add(name);
    return check(file, root, name, route);
  });
}

function check(file: GivenFile, root: string, path: string, { operation, hasFolders }: UploadRoute): Placed {
  const { name, sizeBytes, type } = file;
  if (sizeBytes === 0) throw new InvalidInputError(`${name} has 0 bytes: a workspace takes files of 1 byte and more.`);
  checkPath(name, name);
  const contentType = type.trim() || guessType(name) || "application/octet-stream";
  if (!/^[!-~]+\/[!-~]([ -~]*)$/.test(contentType)) throw new InvalidInputError(`${name}: its type is no media type.`);
  const slash = path.lastIndexOf("/") + 1;
  if (slash > 0 && !hasFolders)
    throw new InvalidInputError(`${name} has a folder in its name, which has no place here.`);
  const request = { name: path.slice(slash), contentType, size: sizeBytes };
  try {
    checkBody(operation, { files: [request] });
  } catch (cause) {
    throw new InvalidInputError(`${name.slice(0, 80)}: ${(cause as Error).message}`, { cause });
  }
  return { ...file, folder: root + path.slice(0, slash), request, operation };
}

function folderOf(prefix: unknown): string {
  if (typeof prefix !== "string") throw new InvalidInputError("prefix must be a text.");
  const folder = prefix.replace(/\/$/, "");
  if (folder === "") return "";
  checkPath("prefix", folder);
  return `${folder}/`;
}

/** A path goes down from where it begins, and nowhere else. */
function checkPath(what: string, path: string): void {
  const isSound = path.split("/").every((part) => !/^[. ]*$/.test(part));
  if (isSound && !path.includes("\\") && !hasControlOrLoneSurrogate(path)) return;
  throw new InvalidInputError(
    `${JSON.stringify(what)} cannot be stored: a path has no part that is empty or of dots, no backslash and no control character.`,
  );
}

/** `report.pdf` as `report-2.pdf`, and not longer than a name may be. */
function numbered(path: string, count: number): string {
  const slash = path.lastIndexOf("/") + 1;
  const name = path.slice(slash);
  const dot = name.lastIndexOf(".");
  const at = dot > 0 && name.length - dot <= LONGEST_EXTENSION ? dot : name.length;
  const end = `-${count}${name.slice(at)}`;
  return path.slice(0, slash) + [...name.slice(0, at)].slice(0, LONGEST_NAME - end.length).join("") + end;
}

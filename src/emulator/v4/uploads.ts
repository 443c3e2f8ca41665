import { randomUUID } from "node:crypto";
import type { Cloud } from "../cloud.ts";
import { pathFault } from "../paths.ts";
import { filesOf } from "../v3/workspaces.ts";
import { problemsV4 } from "./problems.ts";
import type { RunV4, SessionV4, UploadV4 } from "./records.ts";

const FOLDER = "uploads";

/** A file as it is announced. */
export interface AnnouncedFile {
  readonly name: string;
  readonly type: string;
  readonly size: number;
}

/** Keeps in mind that a file is to come. One that is there already counts as come only when it is replaced. */
export function announce(cloud: Cloud, workspaceId: string, { name, type, size }: AnnouncedFile): UploadV4 {
  const path = `${FOLDER}/${storedName(name)}`;
  const key = `${filesOf(workspaceId)}/${path}`;
  const before = cloud.bucket.get(key);
  const isStored = (): boolean => ![undefined, before].includes(cloud.bucket.get(key));
  const upload = { id: randomUUID(), workspaceId, name, path, type, size, isStored };
  cloud.uploadsV4.set(upload.id, upload);
  return upload;
}

/** Which of these files a run of a session can be given: those that have come, in its own workspace. In the given order, each once. */
export function attachable(cloud: Cloud, { workspaceId }: SessionV4, ids: readonly string[]): string[] {
  return [...new Set(ids.map((id) => id.toLowerCase()))].filter((id) => {
    const upload = cloud.uploadsV4.get(id);
    return upload?.workspaceId === workspaceId && upload.isStored();
  });
}

/** The files that a run was given, in the order in which they were asked for. */
export function attachmentsOf(cloud: Cloud, run: RunV4): UploadV4[] {
  return (run.attachedFileIds ?? []).flatMap((id) => cloud.uploadsV4.get(id) ?? []);
}

/**
 * The name a file is stored under: what comes after the last slash, with an underscore for all but letters, digits, spaces and `._-`.
 *
 * @throws Problem 400 when nothing is left that can be a name.
 */
function storedName(name: string): string {
  const stored = (name.split(/[/\\]/).at(-1) ?? "").replace(/[^\p{L}\p{M}\p{N} ._-]/gu, "_").trim();
  const fault = pathFault(stored);
  if (fault !== undefined) throw problemsV4.badFileName(fault);
  return stored;
}

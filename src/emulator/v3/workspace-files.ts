import { timestamp } from "../clock.ts";
import type { Cloud } from "../cloud.ts";
import type { Handlers, QueryOf, Schema } from "../operations.ts";
import { pathFault } from "../paths.ts";
import type { StoredObject } from "../s3/bucket.ts";
import { listing } from "../server/listing.ts";
import { problems } from "../server/problem.ts";
import { filesOf, findWorkspace } from "./workspaces.ts";

const UPLOAD_EXPIRES_MS = 5 * 60_000;
const DOWNLOAD_EXPIRES_MS = 60_000;
const MAX_WORKSPACE_BYTES = 10 * 1024 ** 3;
const DEFAULT_FOLDER = "uploads";

type Upload = Schema<"V3FileUploadItem">;
type Query = QueryOf<"v3_list_workspace_files_workspaces__workspace_id__files_get">;

/** Files of v3 workspaces: they come and go by signed links. */
export function workspaceFileV3Handlers(cloud: Cloud): Handlers {
  return {
    v3_list_workspace_files_workspaces__workspace_id__files_get: ({ path, query, origin }) =>
      list(cloud, path.workspace_id, query, origin),
    v3_upload_workspace_files_workspaces__workspace_id__files_upload_post: ({ path, query, body, origin }) => {
      const { id } = findWorkspace(cloud, path.workspace_id);
      const folder = folderIn(query.prefix ?? "");
      return { files: body.files.map((file, index) => invite(cloud, `${filesOf(id)}/`, folder, file, index, origin)) };
    },
    v3_delete_workspace_file_workspaces__workspace_id__files_delete: ({ path, query }) => {
      const { id } = findWorkspace(cloud, path.workspace_id);
      check(query.path, ["query", "path"]);
      if (!cloud.bucket.delete(`${filesOf(id)}/${query.path}`)) throw problems.fileNotFound();
    },
    v3_get_workspace_size_workspaces__workspace_id__size_get: ({ path }) => {
      const { id } = findWorkspace(cloud, path.workspace_id);
      return { usedBytes: usedBytes(cloud.bucket.folder(filesOf(id))), maxBytes: MAX_WORKSPACE_BYTES };
    },
  };
}

function list(cloud: Cloud, workspaceId: string, query: Query, origin: string): Schema<"V3FileListResponse"> {
  const folder = filesOf(findWorkspace(cloud, workspaceId).id);
  if (query.prefix) check(query.prefix.replace(/\/$/, ""), ["query", "prefix"]);
  const { files, ...rest } = listing(cloud.bucket.folder(folder), query);
  const linkOf = (path: string): string => cloud.bucket.presignGet(origin, `${folder}/${path}`, DOWNLOAD_EXPIRES_MS);
  return {
    ...rest,
    files: files.map(([path, { bytes, storedAt }]) => ({
      path,
      size: bytes.length,
      lastModified: timestamp("v3", storedAt),
      url: query.includeUrls ? linkOf(path) : null,
    })),
  };
}

/**
 * A link to upload a file by. Of the name only the part after the last slash counts: files of equal names in one folder are one
 * file, and the last one stored stays.
 */
function invite(
  cloud: Cloud,
  root: string,
  folder: string,
  file: Upload,
  index: number,
  origin: string,
): Schema<"V3FileUploadResponseItem"> {
  check(file.name, ["body", "files", index, "name"]);
  const path = `${folder}/${file.name.split("/").at(-1)}`;
  const object = { key: root + path, type: file.contentType ?? "application/octet-stream", size: file.size ?? null };
  return { name: file.name, path, uploadUrl: cloud.bucket.presignPut(origin, object, UPLOAD_EXPIRES_MS) };
}

function folderIn(prefix: string): string {
  const folder = prefix === "" ? DEFAULT_FOLDER : prefix.replace(/\/$/, "");
  check(folder, ["query", "prefix"]);
  return folder;
}

function check(path: string, place: readonly (string | number)[]): void {
  const fault = pathFault(path);
  if (fault !== undefined) throw problems.invalid(place, fault, "value_error", path);
}

function usedBytes(files: ReadonlyMap<string, StoredObject>): number {
  let sum = 0;
  for (const { bytes } of files.values()) sum += bytes.length;
  return sum;
}

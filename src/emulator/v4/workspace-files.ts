import { timestamp } from "../clock.ts";
import type { Cloud } from "../cloud.ts";
import type { Handlers, QueryOf, Schema } from "../operations.ts";
import { listing } from "../server/listing.ts";
import { filesOf, findWorkspace } from "../v3/workspaces.ts";
import { problemsV4 } from "./problems.ts";
import { type AnnouncedFile, announce } from "./uploads.ts";

const UPLOAD_EXPIRES_MS = 5 * 60_000;
const DOWNLOAD_EXPIRES_MS = 60_000;

type Query = QueryOf<"v4_list_workspace_files_workspaces__workspace_id__files_get">;

/** Files of v4 workspaces: they come and go by signed links. */
export function workspaceFileV4Handlers(cloud: Cloud): Handlers {
  return {
    v4_list_workspace_files_workspaces__workspace_id__files_get: ({ path, query, origin }) =>
      list(cloud, path.workspace_id, query, origin),
    v4_upload_workspace_files_workspaces__workspace_id__files_upload_post: ({ path, body, origin }) => {
      const { id } = findWorkspace(cloud, path.workspace_id);
      const files = body.files.map(({ name, contentType: type = "application/octet-stream", size }) =>
        invite(cloud, id, { name, type, size }, origin),
      );
      return { files };
    },
  };
}

function list(cloud: Cloud, workspaceId: string, query: Query, origin: string): Schema<"V4WorkspaceFileListResponse"> {
  const folder = filesOf(findWorkspace(cloud, workspaceId).id);
  const { files, nextCursor, hasMore } = listing(cloud.bucket.folder(folder), query, problemsV4.badCursor);
  const linkOf = (path: string): string =>
    cloud.bucket.presignGet(origin, `${folder}/${path}`, DOWNLOAD_EXPIRES_MS, query.contentDisposition ?? undefined);
  return {
    files: files.map(([path, { bytes, storedAt }]) => ({
      path,
      size: bytes.length,
      lastModified: timestamp("v4", storedAt),
      url: query.includeUrls ? linkOf(path) : null,
    })),
    nextCursor,
    hasMore,
  };
}

/** A link to upload a file by, with its exact type and length. Files of equal names are one file, and the last one stored stays. */
function invite(
  cloud: Cloud,
  workspaceId: string,
  file: AnnouncedFile,
  origin: string,
): Schema<"V4WorkspaceFileUploadResponseItem"> {
  const { id, name, path, type, size } = announce(cloud, workspaceId, file);
  const key = `${filesOf(workspaceId)}/${path}`;
  return {
    id,
    name,
    storedName: path.slice(path.indexOf("/") + 1),
    path,
    willOverride: cloud.bucket.get(key) !== undefined,
    uploadUrl: cloud.bucket.presignPut(origin, { key, type, size }, UPLOAD_EXPIRES_MS),
  };
}

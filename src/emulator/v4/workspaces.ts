import { timestamp } from "../clock.ts";
import type { Cloud } from "../cloud.ts";
import type { Handlers, Schema } from "../operations.ts";
import type { Workspace } from "../records.ts";
import { createWorkspace, findWorkspace } from "../v3/workspaces.ts";

/** Workspaces of v4: those of v3. None is ever archived, because v4 has no operation for that; one that v3 deletes is gone. */
export function workspaceV4Handlers(cloud: Cloud): Handlers {
  return {
    v4_create_workspace_workspaces_post: ({ body }) => show(createWorkspace(cloud, body.name ?? null)),
    v4_get_workspace_workspaces__workspace_id__get: ({ path }) => show(findWorkspace(cloud, path.workspace_id)),
  };
}

function show({ id, name, createdAt, updatedAt }: Workspace): Schema<"V4WorkspaceInfo"> {
  return {
    id,
    name,
    archived: false,
    createdAt: timestamp("v4", createdAt),
    updatedAt: timestamp("v4", updatedAt),
  };
}

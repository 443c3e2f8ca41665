import { randomUUID } from "node:crypto";
import { timestamp } from "../clock.ts";
import type { Cloud } from "../cloud.ts";
import type { Handlers, Schema } from "../operations.ts";
import type { Workspace } from "../records.ts";
import { page } from "../server/paging.ts";
import { problems } from "../server/problem.ts";

/** Workspaces of v3. */
export function workspaceV3Handlers(cloud: Cloud): Handlers {
  return {
    v3_list_workspaces_workspaces_get: ({ query }) => page([...cloud.workspaces.values()], query, show),
    v3_create_workspace_workspaces_post: ({ body }) => show(createWorkspace(cloud, body?.name ?? null)),
    v3_get_workspace_workspaces__workspace_id__get: ({ path }) => show(findWorkspace(cloud, path.workspace_id)),
    v3_update_workspace_workspaces__workspace_id__patch: ({ path, body }) => {
      const workspace = findWorkspace(cloud, path.workspace_id);
      if (body.name !== undefined) workspace.name = body.name;
      workspace.updatedAt = cloud.clock.now();
      return show(workspace);
    },
    v3_delete_workspace_workspaces__workspace_id__delete: ({ path }) => {
      const { id } = findWorkspace(cloud, path.workspace_id);
      cloud.workspaces.delete(id);
      cloud.bucket.deleteFolder(filesOf(id));
    },
  };
}

/**
 * The workspace with this id.
 *
 * @throws Problem 404
 */
export function findWorkspace(cloud: Cloud, id: string): Workspace {
  const workspace = cloud.workspaces.get(id);
  if (!workspace) throw problems.workspaceNotFound();
  return workspace;
}

/** Where the files of a workspace are kept. */
export function filesOf(workspaceId: string): string {
  return `workspaces/${workspaceId}`;
}

/** A new workspace, without files. */
export function createWorkspace(cloud: Cloud, name: string | null): Workspace {
  const now = cloud.clock.now();
  const workspace: Workspace = { id: randomUUID(), name, createdAt: now, updatedAt: now };
  cloud.workspaces.set(workspace.id, workspace);
  return workspace;
}

function show(workspace: Workspace): Schema<"V3WorkspaceView"> {
  return {
    id: workspace.id,
    name: workspace.name,
    createdAt: timestamp("v3", workspace.createdAt),
    updatedAt: timestamp("v3", workspace.updatedAt),
  };
}

import { complete } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import type { CheckedBody } from "../check-body.ts";

const PATH = "/v3/workspaces/{workspace_id}/files/upload";

/** What the service is told of a file. */
export interface UploadItem {
  readonly name: string;
  readonly contentType: string;
  readonly size: number;
}

/** Where the service takes a file. */
export interface SignedPlace {
  readonly name: string;
  readonly path: string;
  readonly uploadUrl: string;
}

/** What is signed in one request: files of one folder, whose name ends with a slash; empty where the service is to choose. */
export interface UploadBatch {
  readonly workspaceId: string;
  readonly folder: string;
  readonly files: UploadItem[];
}

/** How a version of the API has uploads into a workspace signed. */
export interface UploadRoute {
  readonly operation: CheckedBody;
  /** Whether a file may be put into a folder. */
  readonly hasFolders: boolean;
  readonly sign: (batch: UploadBatch, signal: AbortSignal) => Promise<readonly SignedPlace[]>;
}

/** Uploads of v3, which is told of a folder apart from the names. */
export function v3Route(api: Api): UploadRoute {
  return {
    operation: `POST ${PATH}`,
    hasFolders: true,
    sign: async ({ workspaceId, folder, files }, signal) => {
      const query = folder === "" ? {} : { prefix: folder };
      const params = { path: { workspace_id: workspaceId }, query };
      return complete(await api.POST(PATH, { params, body: { files }, signal }), `POST ${PATH}`, "files").files;
    },
  };
}

import { complete, isSameId } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import type { Context } from "../context.ts";
import { InvalidInputError, UploadError } from "../errors.ts";
import { notStored, type UploadedFile } from "../files/storing.ts";
import type { UploadFile } from "../files/upload.ts";
import type { UploadRoute } from "../files/upload-route.ts";
import { workspaceUpload } from "../files/workspace-upload.ts";
import { hasUnknownOutcome } from "../live.ts";
import type { CallOptions } from "../types.ts";

const UPLOAD = "/v4/workspaces/{workspace_id}/files/upload";

/** A file that was stored, and the id by which a run is given it. */
export interface Attachment extends UploadedFile {
  readonly id: string;
}

/** What was stored, and what the run is to be told of a workspace that was made for it. */
interface Attached {
  readonly attachments: readonly Attachment[];
  readonly made?: { readonly workspaceId: string };
}

/** Where the files of a run go. */
interface Place {
  readonly workspaceId?: string | null | undefined;
  readonly sessionId?: string | null | undefined;
}

/**
 * Checks files that are meant for a run, before anything is sent; what it gives stores them where the run will find them.
 *
 * @throws {@link InvalidInputError} for a name, size or type that cannot be.
 */
export function attaching(
  context: Pick<Context, "api" | "transport">,
  files: readonly UploadFile[],
  { workspaceId, sessionId }: Place,
  where: string,
  limits: CallOptions,
): (options: CallOptions) => Promise<Attached> {
  const { api } = context;
  const ids = new Map<string, string>();
  const upload = workspaceUpload(context, files, {}, where, v4Route(api, ids, limits));
  const store = async (place: string, { signal }: CallOptions) =>
    (await upload(place, signal)).map((file) => ({ ...file, id: ids.get(file.fileName) ?? "" }));
  const attach = async (options: CallOptions): Promise<Attached> => {
    if (workspaceId != null) return { attachments: await store(workspaceId, options) };
    if (sessionId != null) return { attachments: await store(await workspaceOf(api, sessionId, options), options) };
    const made = complete(await api.POST("/v4/workspaces", { body: {}, ...options }), "POST /v4/workspaces", "id");
    return { attachments: await store(made.id, options), made: { workspaceId: made.id } };
  };
  return (options) =>
    attach(options).catch((cause) => {
      // A workspace or a link too many may be there: that leaves no doubt whether the run was started.
      throw hasUnknownOutcome(cause)
        ? notStored({ name: `${files[0]?.name}` }, "there was no answer. The run was not started.", {}, { cause })
        : cause;
    });
}

/** Takes note of the ids by the paths, no two of which are the same. */
function v4Route(api: Api, ids: Map<string, string>, limits: CallOptions): UploadRoute {
  return {
    operation: `POST ${UPLOAD}`,
    hasFolders: false,
    sign: async ({ workspaceId, files }, signal) => {
      const params = { path: { workspace_id: workspaceId } };
      const answer = await api.POST(UPLOAD, { params, body: { files }, ...limits, signal });
      const taken = complete(answer, `POST ${UPLOAD}`, "files").files.filter(({ id }) => typeof id === "string");
      for (const { path, id } of taken) ids.set(path, id);
      return taken;
    },
  };
}

async function workspaceOf(api: Api, sessionId: string, options: CallOptions): Promise<string> {
  const params = { path: { session_id: sessionId } };
  const { workspaceId } = (await api.GET("/v4/sessions/{session_id}", { params, ...options })).data;
  if (workspaceId) return workspaceId;
  throw new InvalidInputError(`Session ${sessionId} has no workspace to put files into: name one as workspaceId.`);
}

/** What a run was to have, and what of it the service has not found. */
interface Taken {
  readonly missingFileIds?: readonly string[] | null;
  readonly attachments: readonly Attachment[];
}

/** @throws {@link UploadError} when a run has started without files that it was to have. */
export function refuseMissing({ missingFileIds, attachments }: Taken): void {
  const isMissing = ({ id }: Attachment) => (missingFileIds ?? []).some((one) => isSameId(one, id));
  const names = (missingFileIds ?? []).map((one) => attachments.find(({ id }) => isSameId(one, id))?.fileName ?? one);
  const [fileName] = names;
  if (fileName === undefined) return;
  const uploaded = attachments.filter((file) => !isMissing(file));
  throw new UploadError(
    `${names.join(", ")} did not reach the run, which is cancelled: the service does not find what it was given.`,
    { fileName, uploaded },
  );
}

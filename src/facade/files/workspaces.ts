import { complete } from "../call/answers.ts";
import { checkId, refuseUnknown } from "../call/check.ts";
import { allByCursor, allPages, PAGE_SIZE } from "../call/pages.ts";
import { checkBody } from "../check-body.ts";
import type { Context } from "../context.ts";
import { InvalidInputError } from "../errors.ts";
import type { Body, CallOptions, Ok, Query } from "../types.ts";
import { Download, type SignDownload } from "./download.ts";
import { listedFile, signedByList } from "./listed-file.ts";
import type { UploadedFile } from "./storing.ts";
import type { UploadFile } from "./upload.ts";
import { type WorkspaceUploadOptions, workspaceUpload } from "./workspace-upload.ts";

const ONE = "/v3/workspaces/{workspace_id}";
const FILES = "/v3/workspaces/{workspace_id}/files";
const SIZE = "/v3/workspaces/{workspace_id}/size";
/** The address of a listing is good for 60 s; it is handed on while most of them are left. */
const FRESH_MS = 20_000;

/** A workspace: files that outlive the sessions that read and write them. */
export interface Workspace extends Readonly<Ok<typeof ONE, "get">> {}
/** What a workspace is created with. */
export interface WorkspaceFields extends Readonly<Body<"/v3/workspaces", "post">> {}
/** What of a workspace can be changed. */
export interface WorkspaceChanges extends Readonly<Body<typeof ONE, "patch">> {}
/** How full a workspace is. */
export interface WorkspaceSize extends Readonly<Ok<typeof SIZE, "get">> {}
/** A file of a workspace, as the service has it. */
export interface WorkspaceFileView extends Readonly<Ok<typeof FILES, "get">["files"][number]> {}

/** Which files of a workspace are meant. */
export interface WorkspaceFilesRequest {
  /** What their paths begin with: `in` fits `in/a.csv`, and `invoice.pdf` as well. Default: all. */
  readonly prefix?: string | undefined;
}

/** A file of a workspace. */
export interface WorkspaceFile {
  /** Within the workspace. */
  readonly path: string;
  readonly sizeBytes: number;
  /** When it was last stored. Undefined when the service says nothing that is a time. */
  readonly lastModifiedAt: Date | undefined;
  readonly raw: WorkspaceFileView;
}

/** Workspaces: files for v3 sessions, before, between and after them. */
export class Workspaces {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /**
   * Creates a workspace. Names are not unique.
   *
   * @see `POST /v3/workspaces`
   */
  async create(fields: WorkspaceFields = {}, options: CallOptions = {}): Promise<Workspace> {
    const body = checkBody("POST /v3/workspaces", fields);
    return complete(await this.#context.api.POST("/v3/workspaces", { body, ...options }), "POST /v3/workspaces", "id");
  }

  /**
   * Asks for one workspace.
   *
   * @throws {@link NotFoundError} when there is none.
   * @see `GET /v3/workspaces/{workspace_id}`
   */
  async get(id: string, options: CallOptions = {}): Promise<Workspace> {
    return (await this.#context.api.GET(ONE, { params: at(id), ...options })).data;
  }

  /**
   * All workspaces of the project, over all pages.
   *
   * @see `GET /v3/workspaces`
   */
  list(options: CallOptions = {}): AsyncGenerator<Workspace, void, undefined> {
    return allPages(async (pageNumber) => {
      const query = { pageNumber, pageSize: PAGE_SIZE };
      const answer = await this.#context.api.GET("/v3/workspaces", { params: { query }, ...options });
      const data = complete(answer, "GET /v3/workspaces", "items");
      return { items: data.items, total: data.totalItems };
    });
  }

  /**
   * Renames a workspace.
   *
   * @throws {@link NotFoundError} when there is none.
   * @see `PATCH /v3/workspaces/{workspace_id}`
   */
  async update(id: string, changes: WorkspaceChanges, options: CallOptions = {}): Promise<Workspace> {
    const body = checkBody("PATCH /v3/workspaces/{workspace_id}", changes);
    return (await this.#context.api.PATCH(ONE, { params: at(id), body, ...options })).data;
  }

  /**
   * Deletes a workspace and all its files, for good.
   *
   * @see `DELETE /v3/workspaces/{workspace_id}`
   */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#context.api.DELETE(ONE, { params: at(id), ...options });
  }

  /**
   * How full a workspace is: `usedBytes` of `maxBytes`.
   *
   * @throws {@link NotFoundError} when there is no such workspace.
   * @see `GET /v3/workspaces/{workspace_id}/size`
   */
  async size(id: string, options: CallOptions = {}): Promise<WorkspaceSize> {
    const answer = await this.#context.api.GET(SIZE, { params: at(id), ...options });
    return complete(answer, `GET ${SIZE}`, "usedBytes", "maxBytes");
  }

  /**
   * The files of a workspace, over all pages.
   *
   * @throws {@link NotFoundError} when there is no such workspace.
   * @see `GET /v3/workspaces/{workspace_id}/files`
   */
  async *files(
    id: string,
    request: WorkspaceFilesRequest = {},
    options: CallOptions = {},
  ): AsyncGenerator<WorkspaceFile, void, undefined> {
    const query = queryOf(request, "workspaces.files");
    for await (const { raw } of this.#rows(id, query, options)) yield { ...listedFile(raw), raw };
  }

  /**
   * Deletes one file, for good.
   *
   * @throws {@link NotFoundError} when there is no such workspace or file.
   * @see `DELETE /v3/workspaces/{workspace_id}/files`
   */
  async deleteFile(id: string, path: string, options: CallOptions = {}): Promise<void> {
    const params = { ...at(id), query: { path: checkFilePath(path) } };
    await this.#context.api.DELETE(FILES, { params, ...options });
  }

  /**
   * Stores files where sessions with this workspace find them, straight to the file store, a few at a time; memory does not grow with
   * their size. All are checked before the first is sent. A name may have folders, `a/report.pdf`. What is there under the same path is
   * replaced; of equal names in one call the second is stored as `report-2.pdf`. When the service refuses to take some, those that would
   * come after them are not tried.
   *
   * @returns what was stored, in the order given; use `fileName`, which is the path, in the task.
   * @throws {@link InvalidInputError} for a name, size, type or prefix that cannot be, before anything is sent.
   * @throws {@link UploadError} when the file store refuses one, or a file changes meanwhile; `uploaded` has those that were stored.
   * @throws {@link NotFoundError} when there is no such workspace.
   * @throws `options.signal.reason` when aborted.
   * @see `POST /v3/workspaces/{workspace_id}/files/upload`
   */
  async upload(
    id: string,
    files: UploadFile | readonly UploadFile[],
    options: WorkspaceUploadOptions = {},
  ): Promise<UploadedFile[]> {
    const { workspace_id } = at(id).path;
    return workspaceUpload(this.#context, files, options, "workspaces.upload")(workspace_id);
  }

  /**
   * One file, by its path. Nothing is asked for before it is read; when it is not there, reading rejects with a {@link DownloadError} of
   * status 404.
   *
   * @see `GET /v3/workspaces/{workspace_id}/files`
   */
  download(id: string, path: string): Download {
    return new Download(
      this.#context.transport,
      { path: checkFilePath(path) },
      this.#signer(at(id).path.workspace_id, path),
    );
  }

  /**
   * All files, over all pages, each to be read as bytes, text or stream, or all of them by `saveFiles`.
   *
   * @throws {@link NotFoundError} when there is no such workspace.
   * @see `GET /v3/workspaces/{workspace_id}/files`
   */
  async *downloadAll(
    id: string,
    request: WorkspaceFilesRequest = {},
    options: CallOptions = {},
  ): AsyncGenerator<Download<WorkspaceFileView>, void, undefined> {
    const query = { ...queryOf(request, "workspaces.downloadAll"), includeUrls: true };
    for await (const { raw, askedAt } of this.#rows(id, query, options)) {
      const isFresh = performance.now() - askedAt < FRESH_MS;
      const file = { ...listedFile(raw), raw, url: (isFresh && raw.url) || undefined };
      yield new Download(this.#context.transport, file, this.#signer(id, raw.path));
    }
  }

  #signer(id: string, path: string): SignDownload {
    const rows = (options: CallOptions) => this.#rows(id, { prefix: path, includeUrls: true }, options);
    return signedByList(rows, path, { why: `workspace ${id} has no such file.`, status: 404 });
  }

  /** Each with the time when its page was asked for. */
  #rows(id: string, query: Query<typeof FILES, "get">, options: CallOptions) {
    return allByCursor(async (page) => {
      const params = { ...at(id), query: { ...query, ...page } };
      const askedAt = performance.now();
      const { files, ...rest } = complete(
        await this.#context.api.GET(FILES, { params, ...options }),
        `GET ${FILES}`,
        "files",
      );
      return { ...rest, items: files.map((raw) => ({ raw, askedAt })) };
    });
  }
}

function at(id: string): { path: { workspace_id: string } } {
  return { path: { workspace_id: checkId("workspace id", id) } };
}

function queryOf({ prefix, ...unknown }: WorkspaceFilesRequest, where: string): { prefix?: string } {
  refuseUnknown(unknown, where);
  if (prefix === undefined || prefix === "") return {};
  if (typeof prefix !== "string") throw new InvalidInputError("prefix must be a text.");
  return { prefix };
}

/** An empty path would mean the workspace as a whole. */
function checkFilePath(path: unknown): string {
  if (typeof path === "string" && path !== "") return path;
  throw new InvalidInputError("The path of a file must be a text, and not empty.");
}

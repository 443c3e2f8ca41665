import { pathFault } from "../paths.ts";
import { readUpTo } from "../server/body.ts";
import { boundaryOf, type Part, parseMultipart } from "../server/multipart.ts";
import { invalid } from "../server/problem.ts";
import { naiveOrNull, type SkyvernCloud } from "./cloud.ts";
import type { Handlers, Schema } from "./operations.ts";
import { problems } from "./problems.ts";
import type { StoredFile } from "./records.ts";

const LINK_EXPIRES_MS = 24 * 60 * 60_000;
const DAY_MS = 24 * 60 * 60_000;
/** What the form may have beside the file. */
const FORM_BYTES = 64 * 1024;

/** Files that are uploaded for tasks to read. */
export function fileHandlers(cloud: SkyvernCloud): Handlers {
  return {
    v1_upload_file: async ({ request, origin }) => {
      const stored = store(cloud, await formIn(cloud, request));
      return show(cloud, stored, origin);
    },
    v1_delete_file: ({ path }) => {
      const file = cloud.files.get(path.file_id);
      if (!file) throw cloud.notFound("File", path.file_id);
      cloud.deleteFile(file);
    },
  };
}

interface Upload {
  readonly file: Part;
  readonly name: string;
  readonly days: number | null;
}

async function formIn(cloud: SkyvernCloud, request: Request): Promise<Upload> {
  const limit = cloud.settings.maxUploadBytes;
  const { bytes, truncated } = await readUpTo(request.body, limit + FORM_BYTES);
  if (truncated) throw problems.tooLarge(limit);
  const boundary = boundaryOf(request.headers.get("content-type") ?? "");
  const { parts, complete } = boundary === undefined ? NO_FORM : parseMultipart(bytes, boundary);
  if (!complete) throw invalid(["body", "file"], "Field required", "missing", null);
  const form = checked(parts);
  if (form.file.bytes.length > limit) throw problems.tooLarge(limit);
  return form;
}

const NO_FORM = { parts: [], complete: false };

/** A file without a name is a text, to those who read forms. */
function checked(parts: readonly Part[]): Upload {
  const extra = parts.find(({ name }) => name !== "file" && name !== "retention_days");
  if (extra) throw invalid(["body", extra.name], "Extra inputs are not permitted", "extra_forbidden", null);
  const file = parts.find(({ name }) => name === "file");
  if (!file) throw invalid(["body", "file"], "Field required", "missing", null);
  if (!file.fileName) throw invalid(["body", "file"], "Expected a file with a name", "value_error", null);
  const days = parts.find(({ name }) => name === "retention_days")?.bytes.toString("utf8");
  return { file, name: lastOf(file.fileName), days: days === undefined ? null : daysIn(days) };
}

/** The name without its folders. */
function lastOf(path: string): string {
  const name = path.split(/[/\\]/).at(-1) ?? "";
  const fault = pathFault(name);
  if (fault !== undefined) throw invalid(["body", "file"], fault, "value_error", path);
  return name;
}

function daysIn(text: string): number {
  const days = Number(text);
  if (!/^\d+$/.test(text)) {
    throw invalid(["body", "retention_days"], "Input should be a valid integer", "int_parsing", text);
  }
  if (days >= 1 && days <= 365) return days;
  throw invalid(["body", "retention_days"], "Input should be from 1 to 365", "less_than_equal", text);
}

function store(cloud: SkyvernCloud, { file: { bytes, type }, name, days }: Upload): StoredFile {
  const id = cloud.newId("f");
  const key = `uploads/${id}/${name}`;
  cloud.bucket.put(key, { bytes: Uint8Array.from(bytes), type: type ?? "application/octet-stream" });
  const file: StoredFile = { id, key, expiresAt: days === null ? null : cloud.clock.now() + days * DAY_MS };
  cloud.files.set(id, file);
  return file;
}

function show(cloud: SkyvernCloud, file: StoredFile, origin: string): Schema<"V1UploadFileResponse"> {
  return {
    s3_uri: `s3://${cloud.bucket.name}/${file.key}`,
    presigned_url: cloud.bucket.presignGet(origin, file.key, LINK_EXPIRES_MS),
    file_id: file.id,
    expires_at: naiveOrNull(file.expiresAt),
  };
}

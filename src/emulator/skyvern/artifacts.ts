import { createHash, createHmac } from "node:crypto";
import { naive, type SkyvernCloud } from "./cloud.ts";
import type { Handlers, Schema } from "./operations.ts";
import type { Artifact } from "./records.ts";

const LINK_EXPIRES_MS = 60 * 60_000;

/** What runs have left behind. */
export function artifactHandlers(cloud: SkyvernCloud): Handlers {
  return {
    v1_list_run_artifacts: ({ path, query, origin }) =>
      (cloud.runs.get(path.run_id)?.artifacts ?? [])
        .filter(({ type }) => query.artifact_type?.includes(type) ?? true)
        .map((artifact) => show(cloud, artifact, origin)),
  };
}

/** A file as runs and sessions list it. */
export function fileInfo(cloud: SkyvernCloud, artifact: Artifact, origin: string): Schema<"V1FileInfo"> {
  return {
    url: signedUrl(cloud, artifact, origin),
    checksum: checksumOf(artifact),
    filename: artifact.fileName,
    file_size: artifact.bytes.length,
    modified_at: naive(artifact.createdAt),
    artifact_id: artifact.id,
  };
}

/** A link under which anybody can read an artifact for an hour. */
export function signedUrl(cloud: SkyvernCloud, { id }: Artifact, origin: string): string {
  const expires = String(cloud.clock.now() + LINK_EXPIRES_MS);
  const query = new URLSearchParams({ expires, signature: signatureOf(cloud, id, expires) });
  return `${origin}/v1/artifacts/${id}/content?${query}`;
}

/** Whether a link was made by {@link signedUrl}, and is still good. */
export function isSigned(cloud: SkyvernCloud, id: string, query: URLSearchParams): boolean {
  const expires = query.get("expires") ?? "";
  return query.get("signature") === signatureOf(cloud, id, expires) && cloud.clock.now() < Number(expires);
}

function signatureOf(cloud: SkyvernCloud, id: string, expires: string): string {
  return createHmac("sha256", cloud.organizationId).update(`${id}.${expires}`).digest("hex");
}

function show(cloud: SkyvernCloud, artifact: Artifact, origin: string): Schema<"V1Artifact"> {
  const { id, type, run, bytes, createdAt } = artifact;
  return {
    artifact_id: id,
    artifact_type: type,
    uri: `s3://emulator-artifacts/${run.id}/${id}`,
    organization_id: cloud.organizationId,
    run_id: run.id,
    task_id: run.type === "task_v1" ? run.id : null,
    signed_url: signedUrl(cloud, artifact, origin),
    checksum: checksumOf(artifact),
    file_size: bytes.length,
    archived: false,
    created_at: naive(createdAt),
    modified_at: naive(createdAt),
  };
}

function checksumOf({ bytes }: Artifact): string {
  return createHash("sha256").update(bytes).digest("hex");
}

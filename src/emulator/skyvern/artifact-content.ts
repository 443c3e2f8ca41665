import { S3Problem } from "../s3/problem.ts";
import { rangeIn } from "../s3/range.ts";
import { isSigned } from "./artifacts.ts";
import type { SkyvernCloud } from "./cloud.ts";
import type { Artifact } from "./records.ts";

/** The artifact whose bytes a path stands for, if it stands for any. */
export function contentId(path: string): string | undefined {
  return /^\/v1\/artifacts\/([^/]+)\/content$/.exec(path)?.[1];
}

/** Hands out the bytes of an artifact, or a range of them. The link is the permission. */
export function artifactContent(cloud: SkyvernCloud, id: string, request: Request): Response {
  if (!["GET", "HEAD"].includes(request.method)) return refusal(405, "Method Not Allowed", { Allow: "GET" });
  if (!isSigned(cloud, id, new URL(request.url).searchParams)) {
    return refusal(403, "The link is not signed, or its time is over.");
  }
  const artifact = cloud.artifacts.get(id);
  return artifact ? part(artifact, request.headers.get("range")) : refusal(404, `Artifact ${id} not found`);
}

function part({ bytes, mediaType }: Artifact, header: string | null): Response {
  const size = bytes.length;
  try {
    const range = rangeIn(header, size);
    const { start, end } = range ?? { start: 0, end: size };
    const headers = {
      "Accept-Ranges": "bytes",
      "Content-Length": String(end - start),
      "Content-Type": mediaType,
      ...(range && { "Content-Range": `bytes ${start}-${end - 1}/${size}` }),
    };
    return new Response(bytes.slice(start, end), { status: range ? 206 : 200, headers });
  } catch (error) {
    if (!(error instanceof S3Problem)) throw error;
    return refusal(416, "The range lies outside of the artifact.", { "Content-Range": `bytes */${size}` });
  }
}

function refusal(status: number, detail: string, headers: Record<string, string> = {}): Response {
  return Response.json({ detail }, { status, headers });
}

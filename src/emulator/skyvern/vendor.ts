import { operations } from "../../generated/skyvern/validators.js";
import type { S3Front } from "../s3/s3.ts";
import type { Vendor } from "../server/vendor.ts";
import { artifactContent, contentId } from "./artifact-content.ts";
import type { SkyvernCloud } from "./cloud.ts";
import type { Handlers } from "./operations.ts";
import { problems } from "./problems.ts";

/** How Skyvern answers: links to files beside its API, 403 without the key, and refusals of five shapes. */
export function skyvern(cloud: SkyvernCloud, handlers: Handlers, s3: S3Front): Vendor {
  return {
    operations,
    handlers,
    latencyMs: cloud.settings.latencyMs,
    pathOf: ({ pathname }) => (pathname.startsWith("/s3/") ? pathname : pathname.replace(/(?<=.)\/$/, "")),
    sweep: () => cloud.sweep(),
    beside: (request, path, chunked) => link(cloud, s3, request, path, chunked),
    authenticate: ({ headers }) => {
      const given = headers.get("x-api-key") ?? /^Bearer (.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
      if (given !== cloud.settings.apiKey) throw problems.badKey();
    },
    refusalBody: ({ status, detail }) => {
      if (status === 500) return { error: String(detail) };
      return detail === undefined ? undefined : { detail };
    },
  };
}

/** A link carries its permission: refusing the key beside it shows a client that hands its key to a storage service. */
function link(
  cloud: SkyvernCloud,
  s3: S3Front,
  request: Request,
  path: string,
  chunked: boolean,
): Promise<Response> | undefined {
  const id = contentId(path);
  if (id === undefined && !path.startsWith("/s3/")) return undefined;
  const key = ["x-api-key", "authorization"].find((name) => request.headers.has(name));
  const detail = `The header ${key} must not be sent here.`;
  if (key !== undefined) return Promise.resolve(Response.json({ detail }, { status: 400 }));
  return id === undefined ? s3.answer(request, chunked) : Promise.resolve(artifactContent(cloud, id, request));
}

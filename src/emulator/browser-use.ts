import { operations } from "../generated/validators.js";
import { checkTimeout } from "./browsers.ts";
import type { Cloud } from "./cloud.ts";
import type { Handlers } from "./operations.ts";
import type { S3Front } from "./s3/s3.ts";
import { Problem } from "./server/problem.ts";
import type { Vendor } from "./server/vendor.ts";

/** How Browser Use answers: below `/api`, with its storage service beside that, 401 without the key, every refusal as a `detail`. */
export function browserUse(cloud: Cloud, handlers: Handlers, s3: S3Front): Vendor {
  return {
    operations,
    handlers,
    latencyMs: cloud.settings.latencyMs,
    pathOf: ({ pathname }) => pathOf(pathname),
    sweep: () => cloud.sweep(),
    beside: (request, path, chunked) => (path.startsWith("/s3/") ? s3.answer(request, chunked) : undefined),
    authenticate: (request) => checkKey(request.headers.get("x-browser-use-api-key"), cloud.settings.apiKey),
    precheck: ({ path }, body) => path.endsWith("/browsers") && checkTimeout(body),
    refusalBody: ({ detail }) => ({ detail }),
  };
}

/** What is not below `/api` cannot match. */
function pathOf(pathname: string): string {
  if (pathname.startsWith("/api/")) return pathname.slice("/api".length);
  return pathname.startsWith("/s3/") ? pathname : `//${pathname}`;
}

function checkKey(given: string | null, key: string): void {
  if (given === null) throw new Problem(401, "Missing API key");
  if (given !== key) throw new Problem(401, "Invalid API key");
}

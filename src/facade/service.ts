import { answers, repeatable } from "../generated/limits.ts";
import type { Service } from "./call/service.ts";

/** Browser Use Cloud, as far as calls are concerned. */
export const browserUseService: Service = {
  baseUrl: "https://api.browser-use.com/api",
  variables: { baseUrl: "BROWSER_USE_BASE_URL", apiKey: "BROWSER_USE_API_KEY" },
  keyHeader: "X-Browser-Use-API-Key",
  repeatable,
  answers,
  refusals: [
    { statuses: [400, 409], text: /already has a running task/i, means: "busy" },
    { statuses: [400, 409], text: /session is stopped/i, means: "stopped" },
    { statuses: [409], operation: "POST /v4/runs", means: "busy" },
    { statuses: [429], text: /too many concurrent/i, means: "full" },
  ],
  sessionField: "sessionId",
  secretFields: ["secrets", "sensitiveData"],
};

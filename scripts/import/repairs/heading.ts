import { isNode } from "../../spec/document.ts";
import { defaultInfo } from "../vendor.ts";
import type { Repair } from "./repair.ts";

/** No `servers` → the registered one. */
export const missingServers: Repair = {
  name: "missing-servers",
  description: "documents without servers",
  repair: (document, { version }) => {
    const { servers } = document;
    if (Array.isArray(servers) ? servers.length > 0 : servers !== undefined && servers !== null) return { found: 0 };
    document["servers"] = [{ url: version.server }];
    return { found: 1 };
  },
};

/** No `info`, or that of a single endpoint → that of the API. */
export const missingInfo: Repair = {
  name: "missing-info",
  description: "documents without info, or with that of one endpoint",
  repair: (document, { version }) => {
    const { info } = document;
    const own = isNode(info) && typeof info["title"] === "string" && isVersion(info["version"]);
    if (own) return { found: 0 };
    document["info"] = defaultInfo(version);
    return { found: 1 };
  },
};

function isVersion(version: unknown): boolean {
  return typeof version === "string" && !version.startsWith("endpoint_");
}

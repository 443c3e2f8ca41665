import { say } from "./bench.ts";

/** What is used of the vendor's SDK, in the words of its own types. */
export interface VendorClient {
  /** v3 only. */
  readonly workspaces: { readonly upload: (workspaceId: string, path: string) => Promise<unknown> };
  readonly sessions: { readonly get: (sessionId: string) => Promise<unknown> };
  readonly run: (task: string) => PromiseLike<{ readonly output?: unknown }>;
}

/** A module of the vendor's SDK. */
export interface VendorModule {
  readonly BrowserUse: new (options: { readonly apiKey: string; readonly baseUrl: string }) => VendorClient;
}

export type Version = "v2" | "v3";

/** Where the vendor's SDK has each version of the API. */
export const VENDOR_MODULES: Readonly<Record<Version, string>> = { v2: "browser-use-sdk", v3: "browser-use-sdk/v3" };

/** Whether the vendor's SDK is installed beside the measurements; says so when it is not. */
export function hasVendor(): boolean {
  try {
    import.meta.resolve(VENDOR_MODULES.v2);
    return true;
  } catch {
    say("The vendor's SDK is not there, so that nothing is compared with it: run `npm ci` in this folder.");
    return false;
  }
}

/** A client of the vendor's SDK, for one version of the API. `baseUrl` ends before the version, as ours does. */
export async function vendorClient(version: Version, apiKey: string, baseUrl: string): Promise<VendorClient> {
  // Not written out, so that types can be checked where it is not installed.
  const { BrowserUse } = (await import(VENDOR_MODULES[version])) as VendorModule;
  return new BrowserUse({ apiKey, baseUrl: `${baseUrl}/${version}` });
}

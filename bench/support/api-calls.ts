/** A process that makes the same call in different ways, and says what each has cost it. */
import createClient from "openapi-fetch";
import type { paths } from "../../src/generated/api.ts";
import { BrowserUse } from "../../src/index.ts";
import { member } from "./crew.ts";
import type { VendorModule } from "./vendor.ts";

/** By name. */
export type WayOfCalling = "openapi-fetch" | "ours" | "bare fetch" | "vendor";

/** What a process of this program is told at its start. */
export interface CallsOrder {
  /** Of the service. */
  readonly url: string;
  /** Where the vendor's module is; undefined where it is not installed. */
  readonly vendorUrl: string | undefined;
}

export interface CallsTask {
  readonly way: WayOfCalling;
  readonly calls: number;
}

export interface CallsAnswer {
  /** User and system time together. */
  readonly cpuMs: number;
}

const ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
const KEY_HEADER = "X-Browser-Use-API-Key";
const KEY = "bu_a-key-of-usual-length-0123456789";

await member(async ({ url, vendorUrl }: CallsOrder) => {
  const ways = await waysOf(url, vendorUrl);
  return async ({ way, calls }: CallsTask): Promise<CallsAnswer> => {
    const call = ways[way];
    if (!call) throw new Error(`There is no ${way}.`);
    const before = process.cpuUsage();
    for (let i = 0; i < calls; i++) if ((await call()) !== ID) throw new Error(`${way} gave another answer.`);
    // Whoever has made garbage pays for it.
    globalThis.gc?.({ type: "minor" });
    const { user, system } = process.cpuUsage(before);
    return { cpuMs: (user + system) / 1_000 };
  };
});

async function waysOf(
  baseUrl: string,
  vendorUrl: string | undefined,
): Promise<Partial<Record<WayOfCalling, () => Promise<string | undefined>>>> {
  const { api } = new BrowserUse({ apiKey: KEY, baseUrl });
  const headers = { [KEY_HEADER]: KEY };
  const client = createClient<paths>({ baseUrl, headers });
  const params = { path: { session_id: ID } };
  const vendors = vendorUrl === undefined ? undefined : await vendorCall(vendorUrl, baseUrl);
  return {
    "openapi-fetch": async () => (await client.GET("/v3/sessions/{session_id}", { params })).data?.id,
    ours: async () => (await api.GET("/v3/sessions/{session_id}", { params })).data.id,
    "bare fetch": async () => {
      const response = await fetch(`${baseUrl}/v3/sessions/${ID}`, { headers });
      return ((await response.json()) as { id: string }).id;
    },
    ...(vendors && { vendor: vendors }),
  };
}

async function vendorCall(vendorUrl: string, baseUrl: string): Promise<() => Promise<string>> {
  const { BrowserUse: Vendor } = (await import(vendorUrl)) as VendorModule;
  const client = new Vendor({ apiKey: KEY, baseUrl: `${baseUrl}/v3` });
  return async () => ((await client.sessions.get(ID)) as { id: string }).id;
}

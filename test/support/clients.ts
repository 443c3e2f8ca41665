import { BrowserUse, type BrowserUseOptions } from "../../src/index.ts";

/** The key that tests use; no answer and no error may show it. */
export const API_KEY = "bu_test-key_0123456789abcdef";

/** A client for a server of the test's own. */
export function clientOf(server: { readonly url: string }, options: BrowserUseOptions = {}): BrowserUse {
  return new BrowserUse({ apiKey: API_KEY, baseUrl: server.url, ...options });
}

/** What a call by operation may be given. */
export interface AnyCall {
  readonly body?: unknown;
  readonly query?: object;
  readonly [option: string]: unknown;
}

type AnyMethod = (path: string, init: object) => Promise<{ data: unknown; response: Response }>;

/** Calls an operation by its name, e.g. `POST /v2/sessions`; every id in its path is `id-1`. */
export async function callOperation(client: BrowserUse, operation: string, init: AnyCall = {}) {
  const [method = "", path = ""] = operation.split(" ");
  const ids = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => [name, "id-1"]);
  const { query, ...rest } = init;
  // Operations that are only known at run time cannot be typed by their path.
  const send = (client.api as unknown as Record<string, AnyMethod>)[method];
  if (!send) throw new Error(`The API has no ${method}.`);
  return send(path, { params: { path: Object.fromEntries(ids), ...(query && { query }) }, ...rest });
}

/** What a promise rejects with; fails when it does not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const settled = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("error" in settled) return settled.error;
  throw new Error(`Expected a rejection, got ${JSON.stringify(settled.value)}.`);
}

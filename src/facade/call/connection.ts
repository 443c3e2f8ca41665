import { InvalidInputError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { isLoopback } from "../files/store.ts";
import { type Api, createApi } from "./api.ts";
import { checkCount, checkFunction, checkMs } from "./check.ts";
import type { Service } from "./service.ts";
import { createTransport, type Fetch, type Transport } from "./transport.ts";

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_TOTAL_TIMEOUT_MS = 120_000;
const DEFAULT_MAX_RETRIES = 3;

/** How a client reaches its service. */
export interface ConnectionOptions {
  /** What sends requests. Default: the global `fetch`, looked up at each call. */
  readonly fetch?: Fetch | undefined;
  /** Headers that go with every call to the API. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Limit of one HTTP attempt with its body, in milliseconds. Default: 60,000. */
  readonly timeoutMs?: number | undefined;
  /** Limit of one call with all its retries, in milliseconds. Default: 120,000. */
  readonly totalTimeoutMs?: number | undefined;
  /** How often a call that may be sent again is sent again. Default: 3. */
  readonly maxRetries?: number | undefined;
}

/** Where it is, and for whom. */
interface Place {
  readonly apiKey?: string | undefined;
  readonly baseUrl?: string | undefined;
}

/**
 * The roads to a service.
 *
 * @throws {@link InvalidInputError} for options that cannot be right.
 */
export function connect<Paths extends object>(
  service: Service,
  { apiKey, baseUrl, fetch, headers, timeoutMs, totalTimeoutMs, maxRetries }: ConnectionOptions & Place,
  emit: Emit | undefined,
): { readonly api: Api<Paths>; readonly transport: Transport } {
  const { variables } = service;
  const key = checkKey(apiKey ?? fromEnvironment(variables.apiKey), variables.apiKey);
  const base = checkBaseUrl(baseUrl ?? fromEnvironment(variables.baseUrl) ?? service.baseUrl, service.baseUrl);
  checkFunction("fetch", fetch);
  const transport = createTransport(service, { apiKey: key, baseUrl: base, fetch, emit });
  const api = createApi<Paths>(service, transport, {
    apiKey: key,
    baseUrl: base,
    headers: checkHeaders(headers ?? {}, service.keyHeader),
    timeoutMs: checkMs("timeoutMs", timeoutMs, DEFAULT_TIMEOUT_MS),
    totalTimeoutMs: checkMs("totalTimeoutMs", totalTimeoutMs, DEFAULT_TOTAL_TIMEOUT_MS),
    maxRetries: checkCount("maxRetries", maxRetries, DEFAULT_MAX_RETRIES),
  });
  return { api, transport };
}

/** The environment, in runtimes that have one. */
function fromEnvironment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return process?.env?.[name] || undefined;
}

/** The key goes into a header, and is never repeated in a message. */
function checkKey(key: unknown, variable: string): string {
  if (key === undefined || key === "") throw new InvalidInputError(`No API key: pass apiKey, or set ${variable}.`);
  if (typeof key === "string" && /^[\x21-\x7e]+$/.test(key)) return key;
  throw new InvalidInputError("apiKey must be plain text without spaces, line ends or control characters.");
}

function checkBaseUrl(text: string, example: string): string {
  const url = typeof text === "string" && URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.username || url.password || /[?#]/.test(url.href)) {
    throw new InvalidInputError(`baseUrl must be a URL without credentials, query and fragment, such as ${example}.`);
  }
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    throw new InvalidInputError("baseUrl must be https; plain http is for this machine only.");
  }
  const base = url.href.replace(/\/+$/, "");
  const [version] = /\/v\d+$/.exec(base) ?? [];
  if (version) throw new InvalidInputError(`baseUrl must end before the version: leave out ${version}.`);
  return base;
}

const CREDENTIAL_HEADERS = ["Authorization", "Cookie"];
const BODY_HEADERS = ["Content-Type", "Content-Length", "Transfer-Encoding"];

function checkHeaders(headers: Readonly<Record<string, string>>, keyHeader: string): Readonly<Record<string, string>> {
  const given = toHeaders(headers);
  const credential = [keyHeader, ...CREDENTIAL_HEADERS].find((name) => given.has(name));
  if (credential) throw new InvalidInputError(`headers must not set ${credential}: the key goes into apiKey.`);
  const ofBody = BODY_HEADERS.find((name) => given.has(name));
  if (ofBody) throw new InvalidInputError(`headers must not set ${ofBody}: it follows from the body.`);
  return Object.fromEntries(given);
}

/** Values are never repeated in a message: they may be secret. */
function toHeaders(headers: Readonly<Record<string, string>>): Headers {
  try {
    return new Headers(headers);
  } catch {
    throw new InvalidInputError("headers has a name or a value that HTTP does not allow.");
  }
}

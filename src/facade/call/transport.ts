import type { Emit } from "../events.ts";
import { isFailure, toError } from "./failures.ts";
import { onAbort } from "./on-abort.ts";
import { isRecord, type Redact } from "./redact.ts";
import { retry } from "./retry.ts";
import type { Expected, Service } from "./service.ts";
import { LimitReached, untilAborted } from "./wait.ts";

/** A request as the layers see it: complete, and good to be sent more than once. */
export interface Outgoing {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body?: string | FormData | Blob | undefined;
  /** `"error"` where bytes are sent: with any other value undici keeps a copy of the whole body in memory. */
  readonly redirect: "manual" | "error";
}

/** What one call is, and how long it may take. */
export interface Call {
  /** Method and path as in the spec. */
  readonly operation: string;
  /** May the request be sent twice? */
  readonly repeatable: boolean;
  /** What a success must bring; `bytes`: whatever it is, it is not looked at. */
  readonly expects: Expected | "bytes";
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs: number;
  readonly totalTimeoutMs: number;
  readonly maxRetries: number;
  readonly redact: Redact;
}

/** An answer whose body has been read, inside the time limit. */
export interface Answer {
  readonly response: Response;
  readonly text: string;
  /** The parsed body of a JSON answer. */
  readonly data?: unknown;
  /** A success whose body is not what the call expects. */
  readonly unreadable?: boolean;
  readonly attempts: number;
  readonly outcome?: "unknown" | undefined;
}

/** One layer of the road out and back. */
export type Send = (request: Outgoing, call: Call) => Promise<Answer>;

/** One attempt, under its own time limit. */
export type Attempt = (request: Outgoing, call: Call, limitMs: number) => Promise<Answer>;

/** The only wall to the network. */
export type Fetch = (request: Request) => Promise<Response>;

/** The roads to the network. */
export interface Transport {
  /** To the API: with the key, and every non-2xx is an error. */
  readonly call: Send;
  /** To URLs that the service sent us: never with the key, and every answer is handed back. */
  readonly transfer: Send;
  /** From URLs that the service sent us, for whole files: one attempt, whose body is still to be read. Never with the key. */
  readonly receive: (request: Outgoing, signal: AbortSignal) => Promise<Response>;
}

/** Where requests go, and with what. */
export interface TransportOptions {
  readonly apiKey: string;
  readonly baseUrl: string;
  /** Left out: the global one, looked up at each call. */
  readonly fetch?: Fetch | undefined;
  readonly emit?: Emit | undefined;
}

/** Composes the layers, outermost first: authenticate → failOnStatus → retry → limitTime → fetch. */
export function createTransport(service: Service, { apiKey, baseUrl, fetch, emit }: TransportOptions): Transport {
  const bytes = retry(limitTime(fetch), emit);
  const { origin } = new URL(baseUrl);
  return {
    call: authenticate(service.keyHeader, apiKey, origin, failOnStatus(service, bytes)),
    transfer: bytes,
    receive: (request, signal) => receive(request, signal, fetch),
  };
}

/** Adds the key, to requests for the API's own origin alone. */
function authenticate(keyHeader: string, apiKey: string, origin: string, next: Send): Send {
  return (request, call) => {
    if (new URL(request.url).origin !== origin) return next(request, call);
    const headers = new Headers(request.headers);
    headers.set(keyHeader, apiKey);
    return next({ ...request, headers }, call);
  };
}

function failOnStatus(service: Service, next: Send): Send {
  return async (request, call) => {
    const answer = await next(request, call);
    if (isFailure(answer)) throw toError(service, answer, request, call);
    return answer;
  };
}

/** One attempt, from sending to the last byte of the body. Ends at the limit even where `fetch` ignores its signal. */
function limitTime(fetch: Fetch | undefined): Attempt {
  return async (request, call, limitMs) => {
    const control = new AbortController();
    const leave = () => control.abort(call.signal?.reason);
    const timer = setTimeout(() => control.abort(new LimitReached()), limitMs);
    if (call.signal?.aborted) leave();
    const stay = onAbort(call.signal, leave);
    try {
      return await untilAborted(sendAndRead(request, call, control.signal, fetch), control.signal);
    } finally {
      clearTimeout(timer);
      stay();
    }
  };
}

async function sendAndRead(
  outgoing: Outgoing,
  { expects }: Call,
  signal: AbortSignal,
  fetch: Fetch | undefined,
): Promise<Answer> {
  const request = toRequest(outgoing, signal);
  const response = await (fetch ?? globalThis.fetch)(request);
  const text = response.body === null ? "" : await response.text();
  holdTo(request);
  return { response, text, attempts: 1, ...(response.ok ? parse(text, expects) : {}) };
}

function toRequest(outgoing: Outgoing, signal: AbortSignal): Request {
  signal.throwIfAborted();
  return new Request(outgoing.url, { ...init(outgoing), signal });
}

async function receive(outgoing: Outgoing, signal: AbortSignal, fetch: Fetch | undefined): Promise<Response> {
  const request = toRequest(outgoing, signal);
  const response = await (fetch ?? globalThis.fetch)(request);
  holdTo(request);
  return response;
}

/** Once a `Request` is collected as garbage, undici does not hear its signal any more: so that one is needed to the end. */
function holdTo({ signal }: Request): void {
  void signal.aborted;
}

function init({ method, headers, body, redirect }: Outgoing): RequestInit {
  return { method, headers, redirect: supported(redirect), ...(body === undefined ? {} : { body }) };
}

/** workerd knows no `redirect: "error"`; there, a redirect comes back as an answer, which is refused as well. */
function supported(redirect: "manual" | "error"): "manual" | "error" {
  if (redirect === "manual") return redirect;
  try {
    new Request("http://localhost", { redirect });
    return redirect;
  } catch {
    return "manual";
  }
}

/** What the spec does not promise comes from somewhere else, or was cut short. */
function parse(text: string, expects: Call["expects"]): Pick<Answer, "data" | "unreadable"> {
  if (expects === "bytes" || (text === "" && (expects === "nothing" || expects === "anything"))) return {};
  try {
    const data: unknown = JSON.parse(text);
    const isExpected = expects === "anything" || (expects === "list" ? Array.isArray(data) : isRecord(data));
    return isExpected ? { data } : { unreadable: true };
  } catch {
    return { unreadable: true };
  }
}

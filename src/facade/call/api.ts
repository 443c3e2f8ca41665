import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "../../generated/api.ts";
import { ApiError, type ApiErrorDetails, InvalidInputError } from "../errors.ts";
import type { CallOptions, Method, OkOf, Operation, PathsWith } from "../types.ts";
import { checkCount, checkId, checkMs, checkQuery, checkSignal, refuseUnknown } from "./check.ts";
import { type Redact, redactor, secretsOf } from "./redact.ts";
import type { Expected, Service } from "./service.ts";
import type { Answer, Call, Transport } from "./transport.ts";

type Given<O> = O extends { readonly parameters: infer P } ? Pick<P, Extract<keyof P, "path" | "query">> : never;
type ParamsOf<O> = object extends Given<O> ? { readonly params?: Given<O> } : { readonly params: Given<O> };
type BodyOf<O> = O extends { readonly requestBody: { readonly content: { readonly "application/json": infer B } } }
  ? { readonly body: B }
  : O extends { readonly requestBody?: { readonly content: { readonly "application/json": infer B } } | undefined }
    ? { readonly body?: B }
    : O extends { readonly requestBody: { readonly content: { readonly "multipart/form-data": unknown } } }
      ? { readonly body: FormData }
      : unknown;
type InitOf<O> = ParamsOf<O> & BodyOf<O> & CallOptions;
type ArgumentsOf<O> = object extends InitOf<O> ? [init?: InitOf<O>] : [init: InitOf<O>];

/** What a call gives back. Anything but a 2xx is thrown. */
export interface ApiAnswer<T> {
  /** The body; undefined for 204 only. */
  readonly data: T;
  /** The whole answer; its body can still be read. */
  readonly response: Response;
}

type Caller<M extends Method, Paths extends object> = <P extends PathsWith<M, Paths>>(
  path: P,
  ...init: ArgumentsOf<Operation<P, M, Paths>>
) => Promise<ApiAnswer<OkOf<Operation<P, M, Paths>>>>;

/**
 * Every operation of the specs, typed by path and method, with the client's key, time limits, retries and errors.
 *
 * @throws {@link ApiError} and its subclasses for every answer that is no 2xx.
 * @throws {@link ConnectionError}, {@link TimeoutError} when there is no complete answer.
 * @throws {@link InvalidInputError} for ids that cannot be sent, before anything is.
 */
export interface Api<Paths extends object = paths> {
  readonly GET: Caller<"get", Paths>;
  readonly POST: Caller<"post", Paths>;
  readonly PUT: Caller<"put", Paths>;
  readonly PATCH: Caller<"patch", Paths>;
  readonly DELETE: Caller<"delete", Paths>;
  /**
   * Adds openapi-fetch middleware, for logs, traces and metrics: of all calls, those of the facade too. It sees neither the key nor single
   * attempts. A call fails with what it throws; when that hides a success that changed something, the error is an {@link ApiError} with
   * `outcome: "unknown"`, and what was thrown is its `cause`.
   */
  use(...middleware: Middleware[]): void;
  /** Takes middleware out again. */
  eject(...middleware: Middleware[]): void;
}

/** What the client fixes for all its calls. */
export interface CallDefaults {
  readonly apiKey: string;
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly totalTimeoutMs: number;
  readonly maxRetries: number;
}

const ALWAYS_REPEATABLE: ReadonlySet<string> = new Set(["get", "put", "delete"]);

type AnyRequest = (method: Method, path: string, init: object) => Promise<{ data?: unknown; response: Response }>;

interface AnyInit extends CallOptions {
  readonly params?: { readonly path?: Readonly<Record<string, unknown>>; readonly query?: object };
  readonly body?: unknown;
}

/** Puts openapi-fetch, which shapes requests from the specs, in front of the transport. */
export function createApi<Paths extends object = paths>(
  service: Service,
  transport: Transport,
  defaults: CallDefaults,
): Api<Paths> {
  const { apiKey, baseUrl, headers } = defaults;
  const repeatable = new Set(service.repeatable);
  const bodySerializer = (body: unknown) => (body instanceof FormData ? body : toJson(body));
  const client = createClient<Paths>({ baseUrl, headers, bodySerializer });
  // Callers are typed by path in `Api`; behind it there is one implementation for all of them.
  const send = client.request as unknown as AnyRequest;
  const caller =
    (method: Method) =>
    async (path: string, init: AnyInit = {}) => {
      const operation = `${method.toUpperCase()} ${path}`;
      const isRepeatable = ALWAYS_REPEATABLE.has(method) || repeatable.has(operation);
      const expects: Expected = service.answers[operation] ?? "object";
      const call = { operation, repeatable: isRepeatable, expects, ...limitsOf(operation, init, defaults) };
      checkPath(path, init.params?.path ?? {});
      checkQuery(init.params?.query ?? {});
      const { params, body, signal } = init;
      const given = { ...(params && { params }), ...(body !== undefined && { body }) };
      let answered: Response | undefined;
      const fetch = async (request: Request) => {
        answered = await carry(request, call, transport, (body) => [apiKey, ...secretsOf(body, service.secretFields)]);
        return answered;
      };
      const { data, response } = await send(method, path, { ...given, fetch }).catch((error: unknown) => {
        // What was asked for is done, and only its answer is lost.
        if (answered && method !== "get") throw middlewareFailure(call, answered, error);
        // openapi-fetch takes a rejection with null, 0 or "" for none; a caller may abort with one.
        throw signal?.aborted && !signal.reason ? signal.reason : error;
      });
      if (!response.ok) throw middlewareRefusal(call, response, answered !== undefined && method !== "get");
      return { data, response };
    };
  return {
    GET: caller("get"),
    POST: caller("post"),
    PUT: caller("put"),
    PATCH: caller("patch"),
    DELETE: caller("delete"),
    use: (...middleware: Middleware[]) => client.use(...middleware),
    eject: (...middleware: Middleware[]) => client.eject(...middleware),
  } as unknown as Api<Paths>;
}

function limitsOf(
  operation: string,
  init: AnyInit,
  defaults: CallDefaults,
): Pick<Call, "signal" | "timeoutMs" | "totalTimeoutMs" | "maxRetries"> {
  const { params: _, body: __, signal, timeoutMs, totalTimeoutMs, maxRetries, ...unknown } = init;
  refuseUnknown(unknown, operation);
  checkSignal(signal);
  signal?.throwIfAborted();
  return {
    signal,
    timeoutMs: checkMs("timeoutMs", timeoutMs, defaults.timeoutMs),
    totalTimeoutMs: checkMs("totalTimeoutMs", totalTimeoutMs, defaults.totalTimeoutMs),
    maxRetries: checkCount("maxRetries", maxRetries, defaults.maxRetries),
  };
}

function checkPath(path: string, ids: Readonly<Record<string, unknown>>): void {
  if (!/^\/v\d+\//.test(path))
    throw new InvalidInputError(
      `${JSON.stringify(path)} is no path of the API: it starts with its version, such as /v3/.`,
    );
  for (const [, name = ""] of path.matchAll(/\{([^}]+)\}/g)) checkId(name, ids[name]);
}

async function carry(
  request: Request,
  call: Omit<Call, "redact">,
  transport: Transport,
  secretsIn: (body: unknown) => string[],
): Promise<Response> {
  const { method, url, headers } = request;
  // A form stays the bytes that it has become: its files are no text.
  const isForm = headers.get("Content-Type")?.startsWith("multipart/form-data") === true;
  const text = method === "GET" || isForm ? "" : await request.text();
  const body = isForm ? await request.blob() : text === "" ? undefined : text;
  // Secrets are those that were sent: middleware may have put some in, and the caller may have taken theirs back.
  let known: Redact | undefined;
  const redact: Redact = (value) => {
    known ??= redactor(secretsIn(fromJson(text)));
    return known(value);
  };
  return readable(await transport.call({ method, url, headers, body, redirect: "manual" }, { ...call, redact }));
}

function toJson(body: unknown): string {
  try {
    return JSON.stringify(body);
  } catch (cause) {
    throw new InvalidInputError("The body cannot be written as JSON: it holds itself, or a bigint.", { cause });
  }
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The body was read inside the time limit; the answer gives it again, as often as middleware and openapi-fetch ask. */
function readable({ response, text, data }: Answer): Response {
  const { status, statusText, headers } = response;
  const copy = () => new Response(text === "" ? null : text, { status, statusText, headers });
  let unread = data;
  // Parsed again for whoever asks again: what one reader changes, no other sees.
  const json = async () => {
    const fresh = unread ?? JSON.parse(text);
    unread = undefined;
    return fresh;
  };
  return Object.defineProperties(response, {
    text: { value: async () => text },
    json: { value: json },
    clone: { value: copy },
    blob: { value: () => copy().blob() },
    formData: { value: () => copy().formData() },
    arrayBuffer: { value: () => copy().arrayBuffer() },
    bytes: { value: async () => new Uint8Array(await copy().arrayBuffer()) },
    body: { get: () => copy().body },
    bodyUsed: { value: false },
  });
}

/** Only middleware can put an answer here that did not pass the transport. `isDone`: it has taken the place of a success. */
function middlewareRefusal(call: Pick<Call, "operation">, { status }: Response, isDone: boolean): ApiError {
  const message = `${call.operation} was answered ${status} by middleware.`;
  return new ApiError(message, detailsOf(call, status, isDone));
}

function middlewareFailure(call: Pick<Call, "operation">, { status }: Response, cause: unknown): ApiError {
  const message = `${call.operation} was answered ${status}, and then middleware failed: it has been carried out.`;
  return new ApiError(message, detailsOf(call, status, true), { cause });
}

function detailsOf({ operation }: Pick<Call, "operation">, status: number, isDone: boolean): ApiErrorDetails {
  const [method = "", path = ""] = operation.split(" ");
  const outcome = isDone ? "unknown" : undefined;
  return { status, body: undefined, method, path, operation, attempts: isDone ? 1 : 0, outcome };
}

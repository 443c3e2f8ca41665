import { setTimeout as sleep } from "node:timers/promises";
import type { Operation } from "../generated/validators.js";
import { readUpTo } from "./body.ts";
import { checkTimeout } from "./browsers.ts";
import type { Cloud } from "./cloud.ts";
import { cutShort, type FaultRule, Faults, faultAnswer } from "./faults.ts";
import type { Handlers, OperationId } from "./operations.ts";
import { ConnectionDropped, Problem } from "./problem.ts";
import { methodsOf, type Route, route } from "./router.ts";
import type { S3Front } from "./s3.ts";
import { answerFault, validBody, validPath, validQuery } from "./validate.ts";

const MAX_BODY_BYTES = 2 * 1024 * 1024;

/** A request the emulator has seen. It holds no body and no key. */
export interface LoggedRequest {
  readonly method: string;
  /** Without `/api` and without the query: `/v2/sessions/…`, `/s3/…`. */
  readonly path: string;
  /** The operation of the merged spec, when there is one. */
  readonly operation: string | undefined;
  /** Undefined while it is being answered, and when the connection was dropped. */
  readonly status: number | undefined;
}

type AnyHandler = (call: unknown) => unknown;

/** From a request to its answer: log, faults, storage or API, key, validation, handler, validation. */
export class Server {
  readonly faults: Faults = new Faults();
  readonly log: LoggedRequest[] = [];
  readonly #cloud: Cloud;
  readonly #handlers: Handlers;
  readonly #s3: S3Front;

  constructor(cloud: Cloud, handlers: Handlers, s3: S3Front) {
    this.#cloud = cloud;
    this.#handlers = handlers;
    this.#s3 = s3;
  }

  /**
   * Answers a request. `chunked` tells that its body came without a length.
   *
   * @throws ConnectionDropped when a fault says so.
   */
  async answer(request: Request, chunked: boolean): Promise<Response> {
    const path = pathOf(request);
    const found = attempt(() => route(request.method, path));
    const entry = {
      method: request.method,
      path,
      operation: found.value?.operation.id,
      status: undefined as number | undefined,
    };
    this.log.push(entry);
    if (this.#cloud.settings.latencyMs > 0) await sleep(this.#cloud.settings.latencyMs);
    const rule = this.faults.take(request.method, path, found.value?.operation.path);
    const response = await this.#underFault(rule, () => this.#carryOut(request, path, found, chunked));
    entry.status = response.status;
    return request.method === "HEAD" ? new Response(null, response) : response;
  }

  async #underFault(rule: FaultRule | undefined, carryOut: () => Promise<Response>): Promise<Response> {
    if (!rule) return carryOut();
    if (rule.delayMs !== undefined) await sleep(rule.delayMs);
    if (rule.drop === "before") throw new ConnectionDropped();
    const instead = faultAnswer(rule);
    const real = instead && !rule.carriedOut && !rule.drop ? undefined : await carryOut();
    if (rule.drop === "after") throw new ConnectionDropped();
    const response = instead ?? real ?? new Response(null, { status: 500 });
    for (const [name, value] of Object.entries(rule.headers ?? {})) response.headers.set(name, value);
    return rule.dropAfterBytes === undefined ? response : cutShort(response, rule.dropAfterBytes);
  }

  async #carryOut(request: Request, path: string, found: Attempt<Route>, chunked: boolean): Promise<Response> {
    this.#cloud.sweep();
    if (path.startsWith("/s3/")) return this.#s3.answer(request, chunked);
    try {
      if (!found.value) throw found.error;
      return await this.#call(request, found.value);
    } catch (error) {
      return refusal(error, path, found.value?.operation);
    }
  }

  async #call(request: Request, { operation, path }: Route): Promise<Response> {
    this.#authenticate(request);
    const url = new URL(request.url);
    const raw = await jsonBody(request, operation);
    if (operation.path.endsWith("/browsers")) checkTimeout(raw);
    const call = {
      path: validPath(operation, path),
      query: validQuery(operation, url.searchParams),
      body: validBody(operation, raw),
      defaults: operation.body?.defaults ?? {},
      origin: url.origin,
    };
    // Each handler takes the call of its own operation, which was validated just now.
    const handler = this.#handlers[operation.id as OperationId] as AnyHandler | undefined;
    if (!handler) throw new Problem(501, `The emulator does not serve ${operation.method} ${operation.path}.`);
    return success(operation, handler(call));
  }

  #authenticate(request: Request): void {
    const key = request.headers.get("x-browser-use-api-key");
    if (key === null) throw new Problem(401, "Missing API key");
    if (key !== this.#cloud.settings.apiKey) throw new Problem(401, "Invalid API key");
  }
}

/** The path as the spec writes it; what is not below `/api` cannot match. */
function pathOf(request: Request): string {
  const { pathname } = new URL(request.url);
  return pathname.startsWith("/api/")
    ? pathname.slice("/api".length)
    : pathname.startsWith("/s3/")
      ? pathname
      : `//${pathname}`;
}

async function jsonBody(request: Request, operation: Operation): Promise<unknown> {
  const { bytes, truncated } = await readUpTo(request.body, MAX_BODY_BYTES);
  if (truncated) throw new Problem(413, "Request body too large");
  if (bytes.length === 0 || !operation.body) return undefined;
  const text = bytes.toString("utf8");
  if (!/^application\/([\w.-]+\+)?json\b/i.test(request.headers.get("content-type") ?? "")) {
    throw new Problem(422, [
      { loc: ["body"], msg: "The content type is not JSON", type: "model_attributes_type", input: text },
    ]);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Problem(422, [{ loc: ["body", 0], msg: "JSON decode error", type: "json_invalid", input: {} }]);
  }
}

/** The answer with the status the spec declares; one that does not fit the spec is a fault of ours, and says so. */
function success(operation: Operation, body: unknown): Response {
  const status = Number(Object.keys(operation.responses).find((declared) => declared.startsWith("2")));
  // What was written to the wire is what is checked: undefined fields are gone by then.
  const text = body === undefined ? undefined : JSON.stringify(body);
  const fault = answerFault(operation, status, text === undefined ? undefined : JSON.parse(text));
  if (fault !== undefined) throw new Error(`the answer of ${operation.id} does not fit the spec: ${fault}`);
  return new Response(text ?? null, {
    status,
    headers: text === undefined ? {} : { "Content-Type": "application/json" },
  });
}

function refusal(error: unknown, path: string, operation: Operation | undefined): Response {
  if (!(error instanceof Problem))
    return json(500, `Emulator error: ${error instanceof Error ? error.message : String(error)}`);
  const fault = operation && answerFault(operation, error.status, { detail: error.detail });
  if (fault !== undefined)
    return json(500, `Emulator error: the refusal of ${operation?.id} does not fit the spec: ${fault}`);
  const headers = error.status === 405 ? { Allow: methodsOf(path).join(", ") } : {};
  return json(error.status, error.detail, headers);
}

function json(status: number, detail: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ detail }), {
    status,
    headers: { "Content-Type": "application/json", ...headers },
  });
}

type Attempt<Value> =
  | { readonly value: Value; readonly error?: never }
  | { readonly value?: never; readonly error: unknown };

function attempt<Value>(run: () => Value): Attempt<Value> {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}

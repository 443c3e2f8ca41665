import { setTimeout as sleep } from "node:timers/promises";
import type { Operation } from "../../generated/validators.js";
import { readUpTo } from "./body.ts";
import { cutShort, type FaultRule, Faults, faultAnswer } from "./faults.ts";
import type { Front } from "./http.ts";
import { ConnectionDropped, Problem } from "./problem.ts";
import { type Route, Router } from "./router.ts";
import { answerFault, validBody, validPath, validQuery } from "./validate.ts";
import type { Vendor } from "./vendor.ts";

const MAX_BODY_BYTES = 2 * 1024 * 1024;

/** A request the emulator has seen. It holds no body and no key. */
export interface LoggedRequest {
  readonly method: string;
  /** As the spec writes it, and without the query: `/v2/sessions/…`; or of a link to a file: `/s3/…`. */
  readonly path: string;
  /** The operation of the spec, when there is one. */
  readonly operation: string | undefined;
  /** Undefined while it is being answered, and when the connection was dropped. */
  readonly status: number | undefined;
}

type AnyHandler = (call: unknown) => unknown;

/** From a request to its answer: log, faults, links or API, key, validation, handler, validation. */
export class Server implements Front {
  readonly faults: Faults = new Faults();
  readonly log: LoggedRequest[] = [];
  readonly #vendor: Vendor;
  readonly #router: Router;

  constructor(vendor: Vendor) {
    this.#vendor = vendor;
    this.#router = new Router(vendor.operations);
  }

  /**
   * Answers a request. `chunked` tells that its body came without a length.
   *
   * @throws ConnectionDropped when a fault says so.
   */
  async answer(request: Request, chunked: boolean): Promise<Response> {
    const path = this.#vendor.pathOf(new URL(request.url));
    const found = attempt(() => this.#router.route(request.method, path));
    const entry = {
      method: request.method,
      path,
      operation: found.value?.operation.id,
      status: undefined as number | undefined,
    };
    this.log.push(entry);
    if (this.#vendor.latencyMs > 0) await sleep(this.#vendor.latencyMs);
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
    this.#vendor.sweep();
    const beside = this.#vendor.beside(request, path, chunked);
    if (beside) return beside;
    try {
      if (!found.value) throw found.error;
      return await this.#call(request, found.value);
    } catch (error) {
      return this.#refusal(error, path, found.value?.operation);
    }
  }

  async #call(request: Request, { operation, path }: Route): Promise<Response> {
    this.#vendor.authenticate(request);
    const url = new URL(request.url);
    const raw = operation.body && (await jsonBody(request));
    this.#vendor.precheck?.(operation, raw);
    const call = {
      path: validPath(operation, path),
      query: validQuery(operation, url.searchParams),
      body: validBody(operation, raw),
      defaults: operation.body?.defaults ?? {},
      origin: url.origin,
      request,
    };
    // Each handler takes the call of its own operation, which was validated just now.
    const handler = this.#vendor.handlers[operation.id] as AnyHandler | undefined;
    if (!handler) throw new Problem(501, `The emulator does not serve ${operation.method} ${operation.path}.`);
    return success(operation, await handler(call));
  }

  #refusal(error: unknown, path: string, operation: Operation | undefined): Response {
    if (!(error instanceof Problem)) return this.#own(error instanceof Error ? error.message : String(error));
    const body = this.#vendor.refusalBody(error);
    // A refusal without a body is none that a spec could have declared.
    const fault = operation && body !== undefined && answerFault(operation, error.status, body);
    if (fault) return this.#own(`the refusal of ${operation?.id} does not fit the spec: ${fault}`);
    const headers = error.status === 405 ? { Allow: this.#router.methodsOf(path).join(", ") } : {};
    return json(error.status, body, headers);
  }

  /** What the emulator itself did wrong. */
  #own(message: string): Response {
    return json(500, this.#vendor.refusalBody(new Problem(500, `Emulator error: ${message}`)));
  }
}

async function jsonBody(request: Request): Promise<unknown> {
  const { bytes, truncated } = await readUpTo(request.body, MAX_BODY_BYTES);
  if (truncated) throw new Problem(413, "Request body too large");
  if (bytes.length === 0) return undefined;
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
  return answerOf(status, text);
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return answerOf(status, body === undefined ? undefined : JSON.stringify(body), headers);
}

function answerOf(status: number, text: string | undefined, headers: Record<string, string> = {}): Response {
  const type = text === undefined ? {} : { "Content-Type": "application/json" };
  return new Response(text ?? null, { status, headers: { ...type, ...headers } });
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

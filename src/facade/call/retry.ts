import { ConnectionError, TimeoutError } from "../errors.ts";
import type { ClientEvent, Emit } from "../events.ts";
import { withoutSecrets } from "./redact.ts";
import type { Answer, Attempt, Call, Outgoing, Send } from "./transport.ts";
import { LimitReached, sleep } from "./wait.ts";

const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 8_000;

/** Statuses of the 5xx that will not be gone on the next try. */
const LASTING = new Set([501, 505, 511]);

/** Causes with which a runtime says that the connection never stood, so that nothing was sent. */
const NEVER_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
  "ConnectionRefused",
  "FailedToOpenSocket",
]);

/** How one attempt failed. `refused`: surely not carried out. `lost`: it may have been. */
export interface Failure {
  readonly kind: "refused" | "lost" | "final";
  readonly retryAfterMs?: number | undefined;
}

/**
 * Sends again what may be sent again, until it succeeds, the retries are used up, or the call's total time is.
 *
 * Repeatable operations are repeated after every passing fault. Others only after a refusal (429, 503 with Retry-After) or
 * when nothing was sent; otherwise the error says that the outcome is unknown.
 */
export function retry(attempt: Attempt, emit?: Emit): Send {
  return async (request, call) => {
    const deadline = performance.now() + call.totalTimeoutMs;
    let lost = false;
    for (let attempts = 1; ; attempts++) {
      const limitMs = Math.min(call.timeoutMs, Math.max(1, deadline - performance.now()));
      const tried = await tryOnce(attempt, request, call, limitMs);
      const failure = "fault" in tried ? classifyFault(tried.fault) : classifyAnswer(tried);
      if (lost && call.expects === "nothing" && isGone(tried, request))
        return { text: "", response: new Response(null, { status: 204 }), attempts };
      lost ||= failure?.kind === "lost";
      const outcome = lost && request.method !== "GET" ? "unknown" : undefined;
      const waitMs = failure && delayBefore(failure, attempts, call);
      if (waitMs !== undefined && performance.now() + waitMs < deadline) {
        emit?.({
          type: "retry",
          operation: call.operation,
          attempt: attempts,
          delayMs: waitMs,
          ...reasonOf(tried, call),
        });
        await sleep(waitMs, call.signal);
      } else if ("fault" in tried) throw toError(tried.fault, call, { attempts, limitMs, outcome });
      else return { ...tried, attempts, outcome };
    }
  };
}

type RetryEvent = Extract<ClientEvent, { readonly type: "retry" }>;
type Tried = Answer | { readonly fault: unknown };

function reasonOf(tried: Tried, { redact }: Call): Pick<RetryEvent, "status" | "fault"> {
  if ("fault" in tried) return { status: undefined, fault: redact(faultOf(tried.fault)) };
  return { status: tried.response.status, fault: undefined };
}

/** Why there was no answer. */
function faultOf(fault: unknown): string {
  if (fault instanceof LimitReached) return "timeout";
  return codeOf(fault instanceof Error ? fault.cause : undefined) ?? codeOf(fault) ?? "network fault";
}

/** The caller's own abort passes through; every other fault is looked at. */
async function tryOnce(attempt: Attempt, request: Outgoing, call: Call, limitMs: number): Promise<Tried> {
  try {
    return await attempt(request, call, limitMs);
  } catch (fault) {
    if (call.signal?.aborted) throw call.signal.reason;
    return { fault };
  }
}

/** A DELETE that is answered 404 after its first answer was lost has done its work. One that has an answer to give cannot give it then. */
function isGone(tried: Tried, request: Outgoing): tried is Answer {
  return request.method === "DELETE" && !("fault" in tried) && tried.response.status === 404;
}

function classifyFault(fault: unknown): Failure {
  if (cannotBeRead(fault)) return { kind: "final" };
  return { kind: wasNeverSent(fault) ? "refused" : "lost" };
}

/** What an answer says about the request: undefined is success. */
export function classifyAnswer(answer: Answer): Failure | undefined {
  const { status, headers } = answer.response;
  if (answer.response.ok) return answer.unreadable ? { kind: "lost" } : undefined;
  const retryAfterMs = parseRetryAfter(headers.get("Retry-After"), Date.now());
  if (status === 429 || (status === 503 && retryAfterMs !== undefined)) return { kind: "refused", retryAfterMs };
  return { kind: isPassing(status) ? "lost" : "final", retryAfterMs };
}

/** Whether a status may be gone on the next try; after it, nobody knows whether the request was carried out. */
function isPassing(status: number): boolean {
  return status === 408 || (status >= 500 && status < 600 && !LASTING.has(status));
}

function delayBefore(failure: Failure, attempts: number, call: Call): number | undefined {
  if (attempts > call.maxRetries || failure.kind === "final") return undefined;
  if (failure.kind === "lost" && !call.repeatable) return undefined;
  return retryDelayMs(attempts, failure.retryAfterMs);
}

/** How long to wait before attempt `attempts + 1`: what the service asked for, else full-jitter exponential backoff. */
export function retryDelayMs(attempts: number, retryAfterMs?: number, random: () => number = Math.random): number {
  if (retryAfterMs !== undefined) return retryAfterMs;
  return random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** (attempts - 1));
}

/** Retry-After in milliseconds, from seconds or an HTTP date; undefined when absent or neither. */
export function parseRetryAfter(value: string | null, nowMs: number): number | undefined {
  if (value === null || value.trim() === "") return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(value)) return Number(value) * 1000;
  if (!HTTP_DATE.test(value)) return undefined;
  const date = Date.parse(/GMT\s*$/.test(value) ? value : `${value} GMT`);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

/** The three forms that HTTP allows; `Date.parse` alone takes even "-1" and "try 5" for a date. */
const HTTP_DATE = /^\s*(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .*\d\d:\d\d:\d\d( \d{4}| GMT)\s*$/;

function wasNeverSent(fault: unknown): boolean {
  return isCausedBy(fault, (error) => NEVER_SENT.has(codeOf(error) ?? ""));
}

/** Whether a file has changed while it was sent, or is gone: then it cannot be read on the next try either. */
export function cannotBeRead(fault: unknown): boolean {
  return isCausedBy(fault, ({ name }) => name === "NotReadableError");
}

function isCausedBy(fault: unknown, isCause: (error: Error) => boolean): boolean {
  for (let error = fault, depth = 0; error instanceof Error && depth < 5; error = error.cause, depth++) {
    if (isCause(error)) return true;
  }
  return false;
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

interface GivenUp {
  readonly attempts: number;
  readonly limitMs: number;
  readonly outcome: "unknown" | undefined;
}

function toError(fault: unknown, call: Call, { attempts, limitMs, outcome }: GivenUp): Error {
  const { operation } = call;
  const advice = outcome ? " It may have been carried out: look before you repeat it." : "";
  if (fault instanceof LimitReached) {
    const timeoutMs = Math.round(limitMs < call.timeoutMs ? call.totalTimeoutMs : call.timeoutMs);
    const message = `${operation} had no complete answer within ${timeoutMs} ms.${advice}`;
    return new TimeoutError(message, { operation, timeoutMs, outcome }, { cause: fault });
  }
  const message = `${operation} got no answer (${faultOf(fault)}, attempt ${attempts}).${advice}`;
  const cause = withoutSecrets(fault, call.redact);
  return new ConnectionError(message, { operation, attempts, outcome }, { cause });
}

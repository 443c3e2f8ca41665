import {
  ApiError,
  type ApiErrorDetails,
  AuthenticationError,
  type BrowserUseError,
  ConcurrencyLimitError,
  InsufficientCreditsError,
  NotFoundError,
  SessionBusyError,
  SessionStoppedError,
  ValidationError,
  type ValidationIssue,
} from "./errors.ts";
import { isRecord } from "./redact.ts";
import type { Answer, Call, Outgoing } from "./transport.ts";

const LONGEST_DETAIL = 500;

/**
 * "Busy" and "stopped" share a status, so that only the text tells them apart. This table is the one place that reads it;
 * a text it does not know stays an {@link ApiError}.
 */
const CONFLICT_TEXTS = [
  [/already has a running task/i, SessionBusyError],
  [/session is stopped/i, SessionStoppedError],
] as const;

const CONCURRENCY_TEXT = /too many concurrent/i;

/** Whether an answer is an error to the caller: no success, or a success that cannot be read. */
export function isFailure(answer: Answer, call: Call): boolean {
  return !answer.response.ok || (call.expects === "json" && answer.unreadable === true);
}

/** The typed error for an answer that is no success. */
export function toError(answer: Answer, request: Outgoing, call: Call): BrowserUseError {
  const { status } = answer.response;
  const details: ApiErrorDetails = {
    status,
    body: call.redact(withoutInput(bodyOf(answer))),
    method: request.method,
    path: pathOf(request.url),
    operation: call.operation,
    attempts: answer.attempts,
    outcome: answer.outcome,
  };
  const detail = detailOf(details.body);
  const message = call.redact(describe(answer, details, detail));
  if (status === 400 || status === 409) {
    const known = CONFLICT_TEXTS.find(([text]) => text.test(detail));
    if (known) return new known[1](sessionIn(request), { cause: new ApiError(message, details) });
  }
  if (status === 422) return new ValidationError(message, { ...details, issues: issuesOf(details.body) });
  return new (classFor(status, detail))(message, details);
}

function classFor(status: number, detail: string): typeof ApiError {
  if (status === 401) return AuthenticationError;
  if (status === 402) return InsufficientCreditsError;
  if (status === 404) return NotFoundError;
  if (status === 429 && CONCURRENCY_TEXT.test(detail)) return ConcurrencyLimitError;
  return ApiError;
}

function describe({ response }: Answer, { operation, status, outcome }: ApiErrorDetails, detail: string): string {
  const unknown = outcome ? " It may have been carried out: look before you repeat it." : "";
  if (response.ok) return `${operation} answered ${status} with a body that is no JSON.${unknown}`;
  const redirected = status === 0 || (status >= 300 && status < 400);
  if (redirected) return `${operation} was answered with a redirect, which is not followed: check baseUrl.`;
  const advice = ADVICE[status] ?? "";
  return `${operation} answered ${status}${detail ? `: ${detail}` : " without saying why"}.${advice}${unknown}`.replace(
    "..",
    ".",
  );
}

const ADVICE: Readonly<Record<number, string>> = {
  401: " Check the API key.",
  402: " Add credits, or change the plan.",
  429: " Stop a session, or wait for one to end.",
};

function bodyOf({ text, data }: Answer): unknown {
  if (data !== undefined) return data;
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, LONGEST_DETAIL);
  }
}

/** A 422 repeats what it was sent; of each complaint only place, message and kind are kept. */
function withoutInput(body: unknown): unknown {
  if (!isRecord(body) || !Array.isArray(body["detail"])) return body;
  const detail = body["detail"].map((item) => (isRecord(item) ? pick(item, ["loc", "msg", "type"]) : item));
  return { ...body, detail };
}

function pick(record: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => keys.includes(key)));
}

function detailOf(body: unknown): string {
  const detail = isRecord(body) ? body["detail"] : undefined;
  if (typeof detail === "string") return detail.slice(0, LONGEST_DETAIL);
  return issuesOf(body)
    .map(({ path, message }) => `${path.join(".")}: ${message}`)
    .join("; ");
}

function issuesOf(body: unknown): ValidationIssue[] {
  const detail = isRecord(body) && Array.isArray(body["detail"]) ? body["detail"] : [];
  return detail.filter(isRecord).map(({ loc, msg }) => ({
    path: Array.isArray(loc) ? loc.filter((part) => typeof part === "string" || typeof part === "number") : [],
    message: String(msg),
  }));
}

function pathOf(url: string): string {
  return new URL(url).pathname.replace(/^.*?(?=\/v\d+\/)/, "");
}

/** The session that a dispatch named, in its body or its path. */
function sessionIn({ url, body }: Outgoing): string | undefined {
  const sent: unknown = typeof body === "string" ? JSON.parse(body) : undefined;
  const named = isRecord(sent) ? sent["sessionId"] : undefined;
  return typeof named === "string" ? named : new URL(url).pathname.match(/\/(?:sessions|browsers)\/([^/]+)/)?.[1];
}

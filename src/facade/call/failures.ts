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
} from "../errors.ts";
import { isRecord, type Redact } from "./redact.ts";
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
export function isFailure({ response, unreadable }: Answer): boolean {
  return !response.ok || unreadable === true;
}

/** The typed error for an answer that is no success. */
export function toError(answer: Answer, request: Outgoing, call: Call): BrowserUseError {
  const { status } = answer.response;
  const given = withoutInput(parsed(answer.text), status);
  const body = call.redact(given);
  const details: ApiErrorDetails = {
    status,
    body: typeof body === "string" ? body.slice(0, LONGEST_DETAIL) : body,
    method: request.method,
    path: pathOf(request.url),
    operation: call.operation,
    attempts: answer.attempts,
    outcome: answer.outcome,
  };
  // The kind is told by what came, not by what may be shown: a secret may be a word of it.
  const said = detailOf(given);
  const message = describe(answer, details, said, call.redact);
  if (status === 400 || status === 409) {
    const known = CONFLICT_TEXTS.find(([text]) => text.test(said));
    if (known) return new known[1](sessionIn(request), { cause: new ApiError(message, details) });
  }
  if (status === 422) return new ValidationError(message, { ...details, issues: call.redact(issuesOf(given)) });
  return new (classFor(status, said))(message, details);
}

function classFor(status: number, detail: string): typeof ApiError {
  if (status === 401) return AuthenticationError;
  if (status === 402) return InsufficientCreditsError;
  if (status === 404) return NotFoundError;
  if (status === 429 && CONCURRENCY_TEXT.test(detail)) return ConcurrencyLimitError;
  return ApiError;
}

function describe(
  { response }: Answer,
  { operation, status, outcome }: ApiErrorDetails,
  said: string,
  redact: Redact,
): string {
  const unknown = outcome ? " It may have been carried out: look before you repeat it." : "";
  if (response.ok) return `${operation} answered ${status} with a body that is not the JSON it should be.${unknown}`;
  const redirected = status === 0 || (status >= 300 && status < 400);
  if (redirected) return `${operation} was answered with a redirect, which is not followed: check baseUrl.`;
  const detail = inOneLine(redact(said));
  return `${operation} answered ${status}${detail ? `: ${detail}` : " without saying why"}.${adviceFor(status, said)}${unknown}`;
}

/** Fit to stand in a log line, before a full stop. */
function inOneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  return (line.length > LONGEST_DETAIL ? `${line.slice(0, LONGEST_DETAIL)}…` : line).replace(/\.$/, "");
}

function adviceFor(status: number, said: string): string {
  if (status === 401) return " Check the API key.";
  if (status === 402) return " Add credits, or change the plan.";
  if (status !== 429) return "";
  return CONCURRENCY_TEXT.test(said) ? " Stop a session, or wait for one to end." : " Try again later, and less often.";
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A 422 repeats what it was sent; of each complaint only place, message and kind are kept, and nothing beside the complaints. */
function withoutInput(body: unknown, status: number): unknown {
  if (typeof body === "string" && status === 422) return "";
  if (Array.isArray(body)) return body.map(withoutEcho);
  if (!isRecord(body)) return body;
  const { detail } = body;
  if (Array.isArray(detail)) return { detail: detail.map(withoutEcho) };
  if (isRecord(detail)) return { detail: withoutEcho(detail) };
  return status === 422 ? withoutEcho(body) : body;
}

const KEPT = new Set(["detail", "msg", "type", "message", "error", "code"]);

function withoutEcho(item: unknown): unknown {
  if (!isRecord(item)) return isPlain(item) ? item : null;
  const { loc, ...rest } = item;
  const kept = Object.entries(rest).filter(([key, value]) => KEPT.has(key) && isPlain(value));
  return { ...(Array.isArray(loc) && { loc: loc.filter(isPlain) }), ...Object.fromEntries(kept) };
}

function isPlain(value: unknown): boolean {
  return typeof value !== "object" || value === null;
}

/** What the service says is wrong; a gateway in front of it says so in other fields. */
function detailOf(body: unknown): string {
  if (!isRecord(body)) return "";
  const { detail, message, error } = body;
  const said = [detail, isRecord(detail) ? detail["message"] : undefined, message, error].find(isText);
  return (
    said ??
    issuesOf(body)
      .map(({ path, message }) => [path.join("."), message].filter(Boolean).join(": "))
      .join("; ")
  );
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function issuesOf(body: unknown): ValidationIssue[] {
  const detail = isRecord(body) && Array.isArray(body["detail"]) ? body["detail"] : [];
  return detail.filter(isRecord).map(({ loc, msg }) => ({
    path: Array.isArray(loc) ? loc.filter((part) => typeof part === "string" || typeof part === "number") : [],
    message: isText(msg) ? msg : "refused",
  }));
}

function pathOf(url: string): string {
  return new URL(url).pathname.replace(/^.*?(?=\/v\d+\/)/, "");
}

/** The session that a dispatch named, in its body or its path. */
function sessionIn({ url, body }: Outgoing): string | undefined {
  const sent = typeof body === "string" ? parsed(body) : undefined;
  const named = isRecord(sent) ? sent["sessionId"] : undefined;
  return typeof named === "string" ? named : new URL(url).pathname.match(/\/(?:sessions|browsers)\/([^/]+)/)?.[1];
}

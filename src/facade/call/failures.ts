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
import type { Meaning, Service } from "./service.ts";
import type { Answer, Call, Outgoing } from "./transport.ts";

const LONGEST_DETAIL = 500;

/** Meanings that are an {@link ApiError} with a class of its own. */
const CLASSES = { authentication: AuthenticationError, full: ConcurrencyLimitError };
/** Meanings that are about one session. */
const OF_SESSION = { busy: SessionBusyError, stopped: SessionStoppedError };

/** Whether an answer is an error to the caller: no success, or a success that cannot be read. */
export function isFailure({ response, unreadable }: Answer): boolean {
  return !response.ok || unreadable === true;
}

/** The typed error for an answer that is no success. */
export function toError(service: Service, answer: Answer, request: Outgoing, call: Call): BrowserUseError {
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
  const means = meaningOf(service, details, said);
  const message = describe(answer, details, said, means, call.redact);
  if (means === "busy" || means === "stopped") {
    return new OF_SESSION[means](sessionIn(service, request), { cause: new ApiError(message, details) });
  }
  if (status === 422) return new ValidationError(message, { ...details, issues: call.redact(issuesOf(given)) });
  return new (means ? CLASSES[means] : classFor(status))(message, details);
}

function meaningOf({ refusals }: Service, { status, operation }: ApiErrorDetails, said: string): Meaning | undefined {
  if (status === 401) return "authentication";
  const refusal = refusals.find(
    ({ statuses, text, operation: only = operation }) =>
      statuses.includes(status) && only === operation && (text?.test(said) ?? true),
  );
  return refusal?.means;
}

function classFor(status: number): typeof ApiError {
  if (status === 402) return InsufficientCreditsError;
  return status === 404 ? NotFoundError : ApiError;
}

function describe(
  { response }: Answer,
  { operation, status, outcome }: ApiErrorDetails,
  said: string,
  means: Meaning | undefined,
  redact: Redact,
): string {
  const unknown = outcome ? " It may have been carried out: look before you repeat it." : "";
  if (response.ok) return `${operation} answered ${status} with a body that is not the JSON it should be.${unknown}`;
  const redirected = status === 0 || (status >= 300 && status < 400);
  if (redirected) return `${operation} was answered with a redirect, which is not followed: check baseUrl.`;
  const detail = inOneLine(redact(said));
  return `${operation} answered ${status}${detail ? `: ${detail}` : " without saying why"}.${adviceFor(status, means)}${unknown}`;
}

/** Fit to stand in a log line, before a full stop. */
function inOneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  return (line.length > LONGEST_DETAIL ? `${line.slice(0, LONGEST_DETAIL)}…` : line).replace(/\.$/, "");
}

function adviceFor(status: number, means: Meaning | undefined): string {
  if (means === "authentication") return " Check the API key.";
  if (means === "full") return " Stop a session, or wait for one to end.";
  if (status === 402) return " Add credits, or change the plan.";
  return status === 429 ? " Try again later, and less often." : "";
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

const KEPT = new Set(["detail", "msg", "type", "message", "error", "code", "retryable"]);

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
  const inDetail = isRecord(detail) ? [detail["message"], detail["code"]] : [];
  const said = [detail, ...inDetail, message, error].find(isText);
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
function sessionIn({ sessionField }: Service, { url, body }: Outgoing): string | undefined {
  const sent = typeof body === "string" ? parsed(body) : undefined;
  const named = isRecord(sent) ? sent[sessionField] : undefined;
  return typeof named === "string" ? named : new URL(url).pathname.match(/[/_](?:sessions|browsers)\/([^/]+)/)?.[1];
}

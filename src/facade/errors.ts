/** What tells the errors of this package apart in code that cannot use `instanceof`. */
export type ErrorCode =
  | "api_error"
  | "authentication"
  | "insufficient_credits"
  | "not_found"
  | "validation"
  | "concurrency_limit"
  | "session_busy"
  | "session_stopped"
  | "session_not_stopped"
  | "profile_in_use"
  | "connection"
  | "timeout"
  | "upload"
  | "invalid_input"
  | "run_failed"
  | "output_validation"
  | "pool_timeout"
  | "pool_closed"
  | "lease_lost"
  | "lease_store"
  | "download"
  | "webhook_verification";

/**
 * The root of every error this package throws on its own account. An aborted call is not among them: it rejects with the
 * caller's own `signal.reason`.
 */
export abstract class BrowserUseError extends Error {
  /** Stable across versions and bundlers; one literal per class. */
  abstract readonly code: ErrorCode;
}

/** Where an answer came from. */
export interface ApiErrorDetails {
  /** HTTP status of the last answer. */
  readonly status: number;
  /** Parsed body, or its text. Secrets, and the input that a 422 echoes, are taken out. */
  readonly body: unknown;
  /** HTTP method, upper case. */
  readonly method: string;
  /** Path as sent, without base URL and query, e.g. `/v2/sessions/6f…`. */
  readonly path: string;
  /** Method and path as in the spec, e.g. `PATCH /v2/sessions/{session_id}`. */
  readonly operation: string;
  /** How often the request was sent. */
  readonly attempts: number;
  /** `"unknown"`: the service may have carried the request out. Look before you repeat it. */
  readonly outcome?: "unknown" | undefined;
}

/** The service answered, and not with success. Also: a success that cannot be read, or a redirect, which is never followed. */
export class ApiError extends BrowserUseError implements ApiErrorDetails {
  override readonly name: string = "ApiError";
  override readonly code: ErrorCode = "api_error";
  readonly status: number;
  readonly body: unknown;
  readonly method: string;
  readonly path: string;
  readonly operation: string;
  readonly attempts: number;
  declare readonly outcome?: "unknown" | undefined;

  constructor(message: string, details: ApiErrorDetails, options?: ErrorOptions) {
    super(message, options);
    this.status = details.status;
    this.body = details.body;
    this.method = details.method;
    this.path = details.path;
    this.operation = details.operation;
    this.attempts = details.attempts;
    if (details.outcome) this.outcome = details.outcome;
  }
}

/** 401: the key is missing, wrong or revoked. */
export class AuthenticationError extends ApiError {
  override readonly name: string = "AuthenticationError";
  override readonly code = "authentication";
}

/** 402: no credits left, or the plan does not include this. */
export class InsufficientCreditsError extends ApiError {
  override readonly name: string = "InsufficientCreditsError";
  override readonly code = "insufficient_credits";
}

/** 404: no such session, task, profile, workspace or browser in the key's project. */
export class NotFoundError extends ApiError {
  override readonly name: string = "NotFoundError";
  override readonly code = "not_found";
}

/** One complaint of a 422. */
export interface ValidationIssue {
  /** Where in the request, e.g. `["body", "maxSteps"]`. */
  readonly path: readonly (string | number)[];
  /** What the service says is wrong. */
  readonly message: string;
}

/** 422: the service refused the request's shape. The input that it echoes is not kept. */
export class ValidationError extends ApiError {
  override readonly name: string = "ValidationError";
  override readonly code = "validation";
  /** One entry per complaint; empty when the service gave none. */
  readonly issues: readonly ValidationIssue[];

  constructor(message: string, details: ApiErrorDetails & { readonly issues: readonly ValidationIssue[] }) {
    super(message, details);
    this.issues = details.issues;
  }
}

/** 429: the project's cap of live sessions is reached. Stop one, or wait for one to end. */
export class ConcurrencyLimitError extends ApiError {
  override readonly name: string = "ConcurrencyLimitError";
  override readonly code = "concurrency_limit";
}

/** The session already runs a task; one browser takes one at a time. Nothing was dispatched. */
export class SessionBusyError extends BrowserUseError {
  override readonly name: string = "SessionBusyError";
  override readonly code = "session_busy";
  /** The session, when the call named one. */
  readonly sessionId: string | undefined;

  constructor(sessionId: string | undefined, options?: ErrorOptions) {
    super(
      `Session ${sessionId ?? "(unknown)"} already runs a task: await its result, stop it, or open another session.`,
      options,
    );
    this.sessionId = sessionId;
  }
}

/** The session has ended and takes no more tasks. Nothing was dispatched. Open another. */
export class SessionStoppedError extends BrowserUseError {
  override readonly name: string = "SessionStoppedError";
  override readonly code = "session_stopped";
  /** The session, when the call named one. */
  readonly sessionId: string | undefined;

  constructor(sessionId: string | undefined, options?: ErrorOptions) {
    super(`Session ${sessionId ?? "(unknown)"} has ended: open another one.`, options);
    this.sessionId = sessionId;
  }
}

/** A stop was asked for and not confirmed: the session may still cost money and hold a slot. Call `stop()` again. */
export class SessionNotStoppedError extends BrowserUseError {
  override readonly name: string = "SessionNotStoppedError";
  override readonly code = "session_not_stopped";
  /** Which session may still be live. */
  readonly sessionId: string;

  constructor(sessionId: string, options?: ErrorOptions) {
    super(
      `Session ${sessionId} could not be confirmed as stopped; it may still be billed. Call stop() again, or stop it in the dashboard.`,
      options,
    );
    this.sessionId = sessionId;
  }
}

/** Another session of this client holds the profile; two writers would lose one's state. */
export class ProfileInUseError extends BrowserUseError {
  override readonly name: string = "ProfileInUseError";
  override readonly code = "profile_in_use";
  /** The profile that is held. */
  readonly profileId: string;

  constructor(profileId: string, holder: string) {
    super(
      `Profile ${profileId} is in use by ${holder}: stop that one first, or pass { profileAccess: "shared" } and let the last one win.`,
    );
    this.profileId = profileId;
  }
}

/** What a {@link ConnectionError} knows. */
export interface ConnectionErrorDetails {
  /** Method and path as in the spec. */
  readonly operation: string;
  /** How often the request was sent. */
  readonly attempts: number;
  /** `"unknown"`: the service may have carried the request out. Look before you repeat it. */
  readonly outcome?: "unknown" | undefined;
}

/** No answer: the network failed before or in the middle of it. `cause` is what the runtime reported. */
export class ConnectionError extends BrowserUseError {
  override readonly name: string = "ConnectionError";
  override readonly code = "connection";
  readonly operation: string;
  readonly attempts: number;
  declare readonly outcome?: "unknown" | undefined;

  constructor(message: string, details: ConnectionErrorDetails, options?: ErrorOptions) {
    super(message, options);
    this.operation = details.operation;
    this.attempts = details.attempts;
    if (details.outcome) this.outcome = details.outcome;
  }
}

/** What a {@link TimeoutError} knows. */
export interface TimeoutErrorDetails<R = unknown> {
  /** What took too long: an operation of the spec, or the wait for a run. */
  readonly operation: string;
  /** The limit that was hit, in milliseconds. */
  readonly timeoutMs: number;
  /** The run that was waited for; it goes on, and can be waited for again. */
  readonly run?: R | undefined;
  /** `"unknown"`: the service may have carried the request out. Look before you repeat it. */
  readonly outcome?: "unknown" | undefined;
}

/** A time limit of this client was hit: `timeoutMs`, `totalTimeoutMs` or `waitTimeoutMs`. */
export class TimeoutError<R = unknown> extends BrowserUseError {
  override readonly name: string = "TimeoutError";
  override readonly code = "timeout";
  readonly operation: string;
  readonly timeoutMs: number;
  declare readonly run?: R | undefined;
  declare readonly outcome?: "unknown" | undefined;

  constructor(message: string, details: TimeoutErrorDetails<R>, options?: ErrorOptions) {
    super(message, options);
    this.operation = details.operation;
    this.timeoutMs = details.timeoutMs;
    if (details.run) this.run = details.run;
    if (details.outcome) this.outcome = details.outcome;
  }
}

/** What is known of a file that did not get there. */
interface FileErrorDetails {
  readonly fileName: string;
  readonly status?: number | undefined;
  readonly storeCode?: string | undefined;
}

/** What uploads and downloads that failed have in common. */
abstract class FileError extends BrowserUseError implements FileErrorDetails {
  /** The path or name of the file that failed. */
  readonly fileName: string;
  /** HTTP status of the file store, when it answered. */
  readonly status: number | undefined;
  /** The file store's own error code, e.g. `EntityTooLarge` or `NoSuchKey`. */
  readonly storeCode: string | undefined;

  constructor(message: string, details: FileErrorDetails, options?: ErrorOptions) {
    super(message, options);
    this.fileName = details.fileName;
    this.status = details.status;
    this.storeCode = details.storeCode;
  }
}

/** The file store refused a file or the way to it broke. Files that were stored are in `uploaded`. */
export class UploadError<F = unknown> extends FileError {
  override readonly name: string = "UploadError";
  override readonly code = "upload";
  /** What the same call did store, in the order given. */
  readonly uploaded: readonly F[];

  constructor(
    message: string,
    details: FileErrorDetails & { readonly uploaded?: readonly F[] },
    options?: ErrorOptions,
  ) {
    super(message, details, options);
    this.uploaded = details.uploaded ?? [];
  }
}

/** The call cannot be right, and nothing was sent. The message names the argument and what it may be. */
export class InvalidInputError extends BrowserUseError {
  override readonly name: string = "InvalidInputError";
  override readonly code = "invalid_input";
}

/** The run ended without an answer: failed, stopped, timed out, superseded. `result` holds what is known. */
export class RunFailedError<R = unknown> extends BrowserUseError {
  override readonly name: string = "RunFailedError";
  override readonly code = "run_failed";
  readonly result: R;

  constructor(message: string, result: R) {
    super(message);
    this.result = result;
  }
}

/** The run has an answer that does not fit the schema. `result.output` is the answer as it came. */
export class OutputValidationError<R = unknown> extends BrowserUseError {
  override readonly name: string = "OutputValidationError";
  override readonly code = "output_validation";
  readonly result: R;
  /** What the schema complained about. */
  readonly issues: readonly ValidationIssue[];

  constructor(message: string, result: R, issues: readonly ValidationIssue[], options?: ErrorOptions) {
    super(message, options);
    this.result = result;
    this.issues = issues;
  }
}

/**
 * What one was still waiting for. `key`, `profile`: another lease, or what is left of one, has it. `cap`: all sessions are in use.
 * `queue`: others came first. `full`: too many wait already. `opening`: a session is being opened, and goes to the next in line.
 * `vendor`: the service refuses or does not answer.
 */
export type PoolTimeoutReason = "key" | "profile" | "cap" | "queue" | "full" | "opening" | "vendor";

/** No session could be had in time. `cause` is the last failure on the way, if there was one. */
export class PoolTimeoutError extends BrowserUseError {
  override readonly name: string = "PoolTimeoutError";
  override readonly code = "pool_timeout";
  readonly reason: PoolTimeoutReason;

  constructor(message: string, reason: PoolTimeoutReason, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** The pool is closing or closed and lends no more sessions. */
export class PoolClosedError extends BrowserUseError {
  override readonly name: string = "PoolClosedError";
  override readonly code = "pool_closed";

  constructor() {
    super("The pool is closed and lends no more sessions.");
  }
}

/** The session is no longer the caller's: its lease is over, or was given back. Nothing was sent. Acquire another. */
export class LeaseLostError extends BrowserUseError {
  override readonly name: string = "LeaseLostError";
  override readonly code = "lease_lost";
  readonly sessionId: string;

  constructor(sessionId: string, why: string, options?: ErrorOptions) {
    super(`Session ${sessionId} is no longer yours: ${why}. Acquire another one.`, options);
    this.sessionId = sessionId;
  }
}

/** The store that counts sessions does not answer, or answers wrongly. No new session is lent until it does. */
export class LeaseStoreError extends BrowserUseError {
  override readonly name: string = "LeaseStoreError";
  override readonly code = "lease_store";
}

/** The file store refused to give a file, or the way from it broke, so that it is not whole. Files that were saved are in `saved`. */
export class DownloadError<F = unknown> extends FileError {
  override readonly name: string = "DownloadError";
  override readonly code = "download";
  /** What the same call did save, in the order given. */
  readonly saved: readonly F[];

  constructor(
    message: string,
    details: FileErrorDetails & { readonly saved?: readonly F[] | undefined },
    options?: ErrorOptions,
  ) {
    super(message, details, options);
    this.saved = details.saved ?? [];
  }
}

/** A request claims to be a webhook of the service, and is not, or is too old. Answer it with 400, and do nothing else. */
export class WebhookVerificationError extends BrowserUseError {
  override readonly name: string = "WebhookVerificationError";
  override readonly code = "webhook_verification";
}

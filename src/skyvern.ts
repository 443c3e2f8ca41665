/// <reference lib="esnext.disposable" preserve="true" />
export type { Api, ApiAnswer } from "./facade/call/api.ts";
export type { ConnectionOptions } from "./facade/call/connection.ts";
export type { Fetch } from "./facade/call/transport.ts";
export {
  ApiError,
  type ApiErrorDetails,
  AuthenticationError,
  BrowserUseError,
  ConnectionError,
  type ConnectionErrorDetails,
  type ErrorCode,
  InvalidInputError,
  LeaseLostError,
  NotFoundError,
  PoolClosedError,
  PoolTimeoutError,
  ProfileInUseError,
  RunFailedError,
  SessionBusyError,
  SessionNotStoppedError,
  SessionStoppedError,
  TimeoutError,
  type TimeoutErrorDetails,
  UploadError,
  ValidationError,
  type ValidationIssue,
  WebhookVerificationError,
} from "./facade/errors.ts";
export type { ClientEvent, LiveKind } from "./facade/events.ts";
export type { UploadFile } from "./facade/files/upload.ts";
export type { Live, OpenOptions } from "./facade/live.ts";
export type { ProfileAccess } from "./facade/profile-guard.ts";
export type { CallOptions, Open, WaitOptions } from "./facade/types.ts";
export type { WebhookHeaders } from "./facade/webhooks/incoming.ts";
export type { paths } from "./generated/skyvern/api.ts";
export { Skyvern, type SkyvernOptions } from "./skyvern/client.ts";
export type { SkyvernFile, SkyvernFiles, SkyvernUploadRequest } from "./skyvern/files.ts";
export type { SkyvernOpenRequest } from "./skyvern/open-request.ts";
export type {
  SkyvernProfile,
  SkyvernProfileChanges,
  SkyvernProfileListRequest,
  SkyvernProfileOptions,
  SkyvernProfileRequest,
  SkyvernProfiles,
} from "./skyvern/profiles.ts";
export type { TaskReference, TaskRunView } from "./skyvern/run-port.ts";
export type { RunTaskOptions, StartTaskOptions } from "./skyvern/run-task.ts";
export type {
  AddressOptions,
  SessionRunOptions,
  SessionStartOptions,
  SkyvernSession,
  TaskFields,
} from "./skyvern/session.ts";
export type { SkyvernSessionView } from "./skyvern/session-view.ts";
export type { SkyvernSessions } from "./skyvern/sessions.ts";
export type { TaskRequest } from "./skyvern/task.ts";
export type { TaskRun } from "./skyvern/task-run.ts";
export {
  type SkyvernWebhook,
  type SkyvernWebhookRequest,
  type SkyvernWebhookRun,
  verifySkyvernWebhook,
} from "./skyvern/webhook.ts";

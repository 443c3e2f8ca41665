/// <reference lib="esnext.disposable" preserve="true" />

export type { Account, Billing } from "./facade/billing.ts";
export type { CustomProxyInput } from "./facade/browser-settings.ts";
export type {
  BrowserListRequest,
  BrowserOpenRequest,
  BrowserSession,
  Browsers,
  BrowserView,
} from "./facade/browsers.ts";
export type { Api, ApiAnswer } from "./facade/call/api.ts";
export type { ConnectionOptions } from "./facade/call/connection.ts";
export type { Fetch } from "./facade/call/transport.ts";
export { BrowserUse, type BrowserUseOptions } from "./facade/client.ts";
export { sumUsd } from "./facade/costs.ts";
export {
  ApiError,
  type ApiErrorDetails,
  AuthenticationError,
  BrowserUseError,
  ConcurrencyLimitError,
  ConnectionError,
  type ConnectionErrorDetails,
  DownloadError,
  type ErrorCode,
  InsufficientCreditsError,
  InvalidInputError,
  LeaseLostError,
  LeaseStoreError,
  NotFoundError,
  OutputValidationError,
  PoolClosedError,
  PoolTimeoutError,
  type PoolTimeoutReason,
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
export type { BrowserDownload } from "./facade/files/browser-downloads.ts";
export type {
  Download,
  DownloadableFile,
  DownloadOptions,
  DownloadProgress,
  SignDownload,
} from "./facade/files/download.ts";
export type { Files, UploadTarget } from "./facade/files/files.ts";
export type { RecordingOptions } from "./facade/files/recordings.ts";
export type { UploadedFile } from "./facade/files/storing.ts";
export type { TaskFile, TaskFileTarget, TaskTarget } from "./facade/files/task-files.ts";
export type { UploadFile, UploadOptions, UploadProgress } from "./facade/files/upload.ts";
export type { WorkspaceUploadOptions } from "./facade/files/workspace-upload.ts";
export type {
  Workspace,
  WorkspaceChanges,
  WorkspaceFields,
  WorkspaceFile,
  WorkspaceFilesRequest,
  WorkspaceFileView,
  WorkspaceSize,
  Workspaces,
} from "./facade/files/workspaces.ts";
export type { Live, OpenOptions } from "./facade/live.ts";
export type { ProfileAccess } from "./facade/profile-guard.ts";
export type {
  EnsuredProfile,
  EnsureOptions,
  EnsureRequest,
  Profile,
  ProfileChanges,
  ProfileFields,
  ProfileListRequest,
  Profiles,
} from "./facade/profiles.ts";
export type { RunOptions, SchemaOption, StartOptions } from "./facade/runs/run-options.ts";
export type { ResultOptions, Run, RunResult, RunStatus, Step, StepsOptions } from "./facade/runs/runs.ts";
export type { JsonSchema, OutputSchema, StandardSchema } from "./facade/runs/schema.ts";
export type { Body, CallOptions, Ok, Open, Query, WaitOptions } from "./facade/types.ts";
export type { V2Reference, V2Task } from "./facade/v2/runs.ts";
export type {
  V2ListRequest,
  V2OpenRequest,
  V2RunOptions,
  V2Session,
  V2SessionItemView,
  V2Sessions,
  V2SessionView,
  V2StartOptions,
  V2TaskFields,
} from "./facade/v2/sessions.ts";
export type { V2, V2OneShotOptions } from "./facade/v2/v2.ts";
export type { V3Message } from "./facade/v3/messages.ts";
export type { Baseline, V3Reference, V3View } from "./facade/v3/runs.ts";
export type {
  V3OpenRequest,
  V3RunOptions,
  V3Session,
  V3SessionFields,
  V3Sessions,
  V3StartOptions,
  V3TaskFields,
} from "./facade/v3/sessions.ts";
export type { V3, V3OneShotOptions } from "./facade/v3/v3.ts";
export type { V4Event } from "./facade/v4/events.ts";
export type { V4BrowserSettings, V4RunFields } from "./facade/v4/plan.ts";
export type { V4Reference, V4RunView } from "./facade/v4/runs.ts";
export type { V4Sessions } from "./facade/v4/sessions.ts";
export type { V4, V4RunOptions, V4RunResult, V4Runs, V4StartOptions } from "./facade/v4/v4.ts";
export type { RunReference, VersionReference } from "./facade/versions.ts";
export type { paths } from "./generated/api.ts";

import type { AgentStep } from "../options.ts";
import type { BodyOf, Schema } from "./operations.ts";

/** A browser: where it is, and what stands for its cookies and local storage. */
export interface Browser {
  page: string;
  readonly state: Map<string, string>;
}

/** A browser session. */
export interface Session extends Browser {
  readonly id: string;
  readonly request: NonNullable<BodyOf<"v1_create_browser_session">>;
  readonly profileId: string | null;
  readonly browserType: Schema<"V1PersistentBrowserType">;
  readonly createdAt: number;
  /** Minutes it may be open. */
  readonly timeoutMinutes: number;
  /** Why that is less than was asked for. */
  readonly warning: string | null;
  readonly downloads: Artifact[];
  status: "created" | SessionEnd | "running";
  generatesProfile: boolean;
  modifiedAt: number;
  startedAt: number | null;
  completedAt: number | null;
  /** What a profile can be made of, once it is uploaded. */
  archive: Archive | null;
  /** The run that has it now. */
  run: Run | null;
}

/** How a session came to its end. */
export type SessionEnd = "completed" | "failed" | "timeout";

/** The state of a session that has ended. */
export interface Archive {
  readonly state: ReadonlyMap<string, string>;
  readonly readyAt: number;
}

/** A browser profile; a deleted one is kept. */
export interface Profile {
  readonly id: string;
  readonly createdAt: number;
  readonly browserType: Schema<"V1PersistentBrowserType"> | null;
  name: string;
  description: string | null;
  proxyLocation: Schema<"V1BrowserProfile">["proxy_location"];
  proxySessionId: string | null;
  modifiedAt: number;
  deletedAt: number | null;
  state: ReadonlyMap<string, string>;
}

/** A run of a task. */
export interface Run {
  readonly id: string;
  readonly type: Schema<"V1TaskRunType">;
  /** With the defaults of the spec. */
  readonly request: BodyOf<"v1_run_task">;
  /** The session it works in, or a browser of its own. */
  readonly session: Session | null;
  readonly browser: Browser;
  /** Where the request came in, for links. */
  readonly origin: string;
  readonly createdAt: number;
  readonly steps: TakenStep[];
  readonly artifacts: Artifact[];
  modifiedAt: number;
  queuedAt: number | null;
  startedAt: number | null;
  finishedAt: number | null;
  status: Schema<"V1RunStatus">;
  output: Schema<"V1TaskRun">["output"];
  failureReason: string | null;
}

/** A step, and when it was taken. */
export interface TakenStep extends AgentStep {
  readonly at: number;
}

/** Bytes that a run has left. */
export interface Artifact {
  readonly id: string;
  readonly type: string;
  readonly run: Run;
  readonly createdAt: number;
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  /** Of a download. */
  readonly fileName: string | null;
}

/** An uploaded file; its bytes are in the bucket. */
export interface StoredFile {
  readonly id: string;
  readonly key: string;
  readonly expiresAt: number | null;
}

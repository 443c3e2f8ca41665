import type { Job } from "./job.ts";
import type { MicroUsd } from "./money.ts";
import type { Schema } from "./operations.ts";
import type { AgentStep } from "./options.ts";
import type { SessionV4 } from "./v4/records.ts";

/** A browser profile, and what it keeps between sessions. */
export interface Profile {
  readonly id: string;
  name: string | null;
  userId: string | null;
  readonly createdAt: number;
  updatedAt: number;
  lastUsedAt: number | null;
  state: ReadonlyMap<string, string>;
}

/** How a session came to its end. Only a stopped one saves its profile. */
export type SessionEnd = "stopped" | "timed_out" | "error";

/** What sessions of all kinds have in common: a browser with its state, a slot under the cap, and a time to live. */
export interface BrowserHold {
  readonly id: string;
  readonly profileId: string | null;
  readonly state: Map<string, string>;
  readonly startedAt: number;
  /** When it ends at the latest. */
  readonly closesAt: number;
  /** How long it may be without a task. */
  readonly idleTimeoutMs: number;
  readonly recording: boolean;
  lastActivityAt: number;
  finishedAt: number | null;
  end: SessionEnd | null;
  job: Job | null;
}

/** A v2 session. */
export interface SessionV2 extends BrowserHold {
  readonly kind: "v2";
  readonly keepAlive: boolean;
  readonly persistMemory: boolean;
  readonly tasks: TaskV2[];
  share: Schema<"V2ShareView"> | null;
}

/** A task of a v2 session. */
export interface TaskV2 {
  readonly id: string;
  readonly session: SessionV2;
  readonly request: Schema<"V2CreateTaskRequest">;
  readonly llm: string;
  readonly createdAt: number;
  readonly steps: AgentStep[];
  /** Ids of the files the agent left, by name. */
  readonly outputFiles: Map<string, string>;
  status: Schema<"V2TaskStatus">;
  startedAt: number | null;
  finishedAt: number | null;
  output: string | null;
  success: boolean | null;
  cost: MicroUsd;
}

/** A v3 session; what it shows of a run is what the last run left. */
export interface SessionV3 extends BrowserHold {
  readonly kind: "v3";
  readonly request: Schema<"V3RunTaskRequest">;
  readonly messages: MessageV3[];
  phase: "created" | "idle" | "running";
  /** What a webhook says of the last run: no other answer of v3 has an id for one. */
  runId: string | null;
  /** The status that a webhook was sent about last. */
  told: "idle" | "running" | "stopped" | null;
  updatedAt: number;
  keepAlive: boolean;
  model: string;
  title: string | null;
  workspaceId: string | null;
  output: unknown;
  outputSchema: Readonly<Record<string, unknown>> | null;
  success: boolean | null;
  stepCount: number;
  lastStepSummary: string | null;
  /** The limit of the current run, and what it has cost so far. */
  maxCost: MicroUsd | null;
  runCost: MicroUsd;
  totalCost: MicroUsd;
}

/** A message of a v3 session. */
export interface MessageV3 {
  readonly id: string;
  readonly role: "human" | "assistant" | "system";
  readonly type: string;
  readonly data: string;
  readonly summary: string;
  readonly hidden: boolean;
  readonly createdAt: number;
}

/** A browser without an agent, or one that the agent of a v4 session has opened. */
export interface BrowserSession extends BrowserHold {
  readonly kind: "browser";
  readonly agent: SessionV4 | null;
  readonly metadata: Readonly<Record<string, string>>;
  cost: MicroUsd;
}

/** A session of any kind. */
export type Session = SessionV2 | SessionV3 | BrowserSession;

/** A folder for files that outlives sessions. */
export interface Workspace {
  readonly id: string;
  name: string | null;
  readonly createdAt: number;
  updatedAt: number;
}

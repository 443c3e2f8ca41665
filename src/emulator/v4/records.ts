import type { Job } from "../job.ts";
import type { MicroUsd } from "../money.ts";
import type { Schema } from "../operations.ts";
import type { BrowserSession } from "../records.ts";

/** A v4 session: a conversation. Its runs share one workspace; a browser comes and goes, the session stays. */
export interface SessionV4 {
  readonly id: string;
  readonly workspaceId: string;
  /** Oldest first. Whoever can find the session finds at least one. */
  readonly runs: RunV4[];
  /** Everything that was sent to it, in the order of its turn. */
  readonly queue: MessageV4[];
  /** The one in use comes last. One before it may be open still. */
  readonly browsers: BrowserSession[];
  /** What the next browser is like, unless a follow-up says otherwise. */
  settings: Schema<"V4RunBrowserSettings">;
}

/** A run of a v4 session. */
export interface RunV4 {
  readonly id: string;
  /** From 1, over all sessions: pages end and begin by it. */
  readonly number: number;
  readonly session: SessionV4;
  readonly browser: BrowserSession;
  readonly request: Schema<"V4RunCreateRequest">;
  readonly model: string;
  /** Files it was given, by the ids of their uploads; null when none were asked for. */
  readonly attachedFileIds: readonly string[] | null;
  readonly createdAt: number;
  readonly events: EventV4[];
  updatedAt: number;
  status: Schema<"V4RunStatusResponse">["status"];
  title: string | null;
  result: string | null;
  error: string | null;
  judgement: Record<string, unknown> | null;
  stepCount: number;
  cost: MicroUsd;
  job: Job | null;
}

/** Something that has happened in a run. */
export interface EventV4 {
  /** From 1 in every run, without gaps. */
  readonly id: number;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly createdAt: number;
}

/** A message that was sent to a v4 session. */
export interface MessageV4 {
  readonly id: number;
  readonly text: string;
  readonly attachedFileIds: readonly string[] | null;
  readonly createdAt: number;
  status: Schema<"V4QueuedMessage">["status"];
  /** What it has become. */
  run: RunV4 | null;
}

/** A file that was announced to a v4 workspace. */
export interface UploadV4 {
  readonly id: string;
  readonly workspaceId: string;
  readonly name: string;
  readonly path: string;
  readonly type: string;
  readonly size: number;
  /** Whether its bytes have come. */
  isStored(): boolean;
}

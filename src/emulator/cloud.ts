import { randomUUID } from "node:crypto";
import type { Bucket } from "./bucket.ts";
import type { Clock } from "./clock.ts";
import type { Job } from "./job.ts";
import type { MicroUsd } from "./money.ts";
import type { Schema } from "./operations.ts";
import type { AgentStep, Settings } from "./options.ts";
import { problems } from "./problem.ts";

const MAX_SESSION_MS = 4 * 60 * 60_000;

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

/** A browser without an agent. */
export interface BrowserSession extends BrowserHold {
  readonly kind: "browser";
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

/** Everything the emulator knows, and the rules that hold for sessions of every kind. */
export class Cloud {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly bucket: Bucket;
  readonly projectId: string = randomUUID();
  readonly profiles: Map<string, Profile> = new Map();
  /** Of all kinds, oldest first. */
  readonly sessions: Map<string, Session> = new Map();
  readonly tasks: Map<string, TaskV2> = new Map();
  readonly workspaces: Map<string, Workspace> = new Map();
  spent: MicroUsd = 0;

  constructor(settings: Settings, clock: Clock, bucket: Bucket) {
    this.settings = settings;
    this.clock = clock;
    this.bucket = bucket;
  }

  /**
   * The browser for a new session, which starts with what the profile holds now.
   *
   * @throws Problem 404 when there is no such profile, 429 when the cap is reached.
   */
  hold(options: { profileId: string | null; recording: boolean; timeoutMs?: number }): BrowserHold {
    const profile = options.profileId === null ? undefined : this.profiles.get(options.profileId);
    if (options.profileId !== null && !profile) throw problems.profileNotFound();
    if (this.live().length >= this.settings.maxSessions) throw problems.tooManySessions();
    const now = this.clock.now();
    return {
      id: randomUUID(),
      profileId: options.profileId,
      state: new Map(profile?.state),
      startedAt: now,
      closesAt: now + (options.timeoutMs ?? MAX_SESSION_MS),
      idleTimeoutMs: options.timeoutMs === undefined ? this.settings.inactivityTimeoutMs : Number.POSITIVE_INFINITY,
      recording: options.recording,
      lastActivityAt: now,
      finishedAt: null,
      end: null,
      job: null,
    };
  }

  /** Puts a new session into the list. */
  add<Kind extends Session>(session: Kind): Kind {
    this.sessions.set(session.id, session);
    return session;
  }

  /** The sessions that hold a slot. */
  live(): Session[] {
    return [...this.sessions.values()].filter(({ end }) => end === null);
  }

  /** Ends a session and what it is doing; only a stop saves its profile. Ending twice does nothing. */
  end(session: Session, how: SessionEnd, at: number = this.clock.now()): void {
    if (session.end !== null) return;
    session.end = how;
    session.finishedAt = at;
    if (session.kind === "v3") session.updatedAt = at;
    if (how === "stopped") this.#save(session, at);
    session.job?.stop(`The session has ended (${how}).`);
  }

  /** Ends the sessions whose time is over. */
  sweep(): void {
    for (const session of this.live()) {
      const idleAt = session.job ? Number.POSITIVE_INFINITY : session.lastActivityAt + session.idleTimeoutMs;
      const endsAt = Math.min(session.closesAt, idleAt);
      if (endsAt <= this.clock.now()) this.end(session, "timed_out", endsAt);
    }
  }

  #save(session: Session, at: number): void {
    const profile = session.profileId === null ? undefined : this.profiles.get(session.profileId);
    if (!profile) return;
    profile.state = new Map(session.state);
    profile.lastUsedAt = at;
    profile.updatedAt = at;
  }
}

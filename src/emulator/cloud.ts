import { randomUUID } from "node:crypto";
import type { Clock } from "./clock.ts";
import type { MicroUsd } from "./money.ts";
import type { Settings } from "./options.ts";
import type {
  BrowserHold,
  BrowserSession,
  Profile,
  Session,
  SessionEnd,
  SessionV2,
  SessionV3,
  TaskV2,
  Workspace,
} from "./records.ts";
import type { Bucket } from "./s3/bucket.ts";
import { problems } from "./server/problem.ts";
import type { RunV4, SessionV4, UploadV4 } from "./v4/records.ts";
import { Webhooks } from "./webhooks.ts";

const MAX_SESSION_MS = 4 * 60 * 60_000;

/** The sessions, by what they are. */
interface Kinds {
  readonly v2: Set<SessionV2>;
  readonly v3: Set<SessionV3>;
  readonly browser: Set<BrowserSession>;
}

/** Everything the emulator knows, and the rules that hold for sessions of every kind. */
export class Cloud {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly bucket: Bucket;
  readonly webhooks: Webhooks;
  readonly projectId: string = randomUUID();
  readonly profiles: Map<string, Profile> = new Map();
  /** Of all kinds, oldest first. */
  readonly sessions: Map<string, Session> = new Map();
  readonly tasks: Map<string, TaskV2> = new Map();
  readonly workspaces: Map<string, Workspace> = new Map();
  /** Those of v4 are no sessions as the others are: what lives and ends is the browser that one of them has. The latest run's comes last. */
  readonly sessionsV4: Map<string, SessionV4> = new Map();
  readonly runsV4: Map<string, RunV4> = new Map();
  readonly uploadsV4: Map<string, UploadV4> = new Map();
  nextMessageV4 = 1;
  spent: MicroUsd = 0;
  /** Lists are of one kind. */
  readonly #kinds: Kinds = { v2: new Set(), v3: new Set(), browser: new Set() };
  /** Those that hold a slot, so that the ended ones cost nothing. */
  readonly #live = new Set<Session>();
  /** Before this no session's time is over. */
  #sweepAt = Number.POSITIVE_INFINITY;

  constructor(settings: Settings, clock: Clock, bucket: Bucket) {
    this.settings = settings;
    this.clock = clock;
    this.bucket = bucket;
    this.webhooks = new Webhooks(settings.webhook, clock, settings.now);
  }

  /**
   * The browser for a new session, which starts with what the profile holds now.
   *
   * @throws Problem 404 when there is no such profile, 429 when the cap is reached.
   */
  hold(options: { profileId: string | null; recording: boolean; timeoutMs?: number }): BrowserHold {
    const profile = options.profileId === null ? undefined : this.profiles.get(options.profileId);
    if (options.profileId !== null && !profile) throw problems.profileNotFound();
    if (this.#live.size >= this.settings.maxSessions) throw problems.tooManySessions();
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

  /** Makes a session of a browser, and puts it into the list. */
  add<Kind extends Session>(browser: BrowserHold, rest: Omit<Kind, keyof BrowserHold>): Kind {
    // A copy by spread is slow to read in V8, by a hundred times, and lists read all sessions.
    const session = Object.assign(browser, rest) as BrowserHold as Kind; // the compiler cannot add the two up to a whole
    this.sessions.set(session.id, session);
    this.#setOf(session).add(session);
    this.#live.add(session);
    this.#sweepAt = Math.min(this.#sweepAt, this.#mayEndAt(session));
    return session;
  }

  /** Takes a session out of the list; it must have ended. */
  remove(session: Session): void {
    this.sessions.delete(session.id);
    this.#setOf(session).delete(session);
  }

  /** The sessions of one kind, oldest first. */
  ofKind<Kind extends keyof Kinds>(kind: Kind): Kinds[Kind] {
    return this.#kinds[kind];
  }

  /** The sessions that hold a slot, oldest first. */
  live(): Session[] {
    return [...this.#live];
  }

  /** Ends a session and what it is doing; only a stop saves its profile. Ending twice does nothing. */
  end(session: Session, how: SessionEnd, at: number = this.clock.now()): void {
    if (session.end !== null) return;
    session.end = how;
    this.#live.delete(session);
    session.finishedAt = at;
    if (session.kind === "v3") session.updatedAt = at;
    if (how === "stopped") this.#save(session, at);
    session.job?.stop(`The session has ended (${how}).`);
    if (session.kind === "v3") this.tell(session);
  }

  /** Sends a webhook when a v3 session has another status than the last one told. However it ends, that is `stopped`. */
  tell(session: SessionV3): void {
    const status = session.end !== null ? "stopped" : session.phase;
    if (status === "created" || status === session.told) return;
    session.told = status;
    this.webhooks.tell({ sessionId: session.id, taskId: session.runId, status, metadata: {} });
  }

  /** Ends the sessions whose time is over. With every request: it looks at all of them only when one may be. */
  sweep(): void {
    const now = this.clock.now();
    if (now < this.#sweepAt) return;
    for (const session of this.live()) {
      const idleAt = session.job ? Number.POSITIVE_INFINITY : session.lastActivityAt + session.idleTimeoutMs;
      const endsAt = Math.min(session.closesAt, idleAt);
      if (endsAt <= now) this.end(session, "timed_out", endsAt);
    }
    this.#sweepAt = this.live().reduce((at, one) => Math.min(at, this.#mayEndAt(one)), Number.POSITIVE_INFINITY);
  }

  /** It may end later than this, but not before. One at work becomes idle in a moment at the earliest. */
  #mayEndAt({ closesAt, job, lastActivityAt, idleTimeoutMs }: Session): number {
    return Math.min(closesAt, (job ? this.clock.now() : lastActivityAt) + idleTimeoutMs);
  }

  #setOf({ kind }: Session): Set<Session> {
    return this.#kinds[kind] as Set<Session>; // only the set of its own kind is asked for
  }

  #save(session: Session, at: number): void {
    const profile = session.profileId === null ? undefined : this.profiles.get(session.profileId);
    if (!profile) return;
    profile.state = new Map(session.state);
    profile.lastUsedAt = at;
    profile.updatedAt = at;
  }
}

import { randomInt } from "node:crypto";
import { type Clock, timestamp } from "../clock.ts";
import type { Bucket } from "../s3/bucket.ts";
import { Problem } from "../server/problem.ts";
import type { Settings } from "./options.ts";
import { problems } from "./problems.ts";
import type { Artifact, Profile, Run, Session, SessionEnd, StoredFile } from "./records.ts";
import type { Webhooks } from "./webhooks.ts";
import type { Work } from "./work.ts";

/** Everything the Skyvern emulator knows, and the rules of sessions that more than one resource keeps. */
export class SkyvernCloud {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly bucket: Bucket;
  readonly webhooks: Webhooks;
  readonly organizationId: string;
  /** All of them, oldest first. */
  readonly sessions: Map<string, Session> = new Map();
  readonly profiles: Map<string, Profile> = new Map();
  readonly runs: Map<string, Run> = new Map();
  readonly artifacts: Map<string, Artifact> = new Map();
  readonly files: Map<string, StoredFile> = new Map();
  /** What is under way, by run. */
  readonly #works = new Map<Run, Work>();
  readonly #live = new Set<Session>();
  #lastId = BigInt(randomInt(2 ** 40)) * 1_000_000n;

  constructor(settings: Settings, clock: Clock, bucket: Bucket, webhooks: Webhooks) {
    this.settings = settings;
    this.clock = clock;
    this.bucket = bucket;
    this.webhooks = webhooks;
    this.organizationId = this.newId("o");
  }

  /** An identifier as the service writes them: what it is of, and a number that grows. */
  newId(prefix: string): string {
    this.#lastId += 1n;
    return `${prefix}_${this.#lastId}`;
  }

  /** The sessions that have not ended, oldest first. */
  live(): Session[] {
    return [...this.#live];
  }

  /**
   * Opens a session, which starts by itself.
   *
   * @throws Problem 429 when there are as many as may be.
   */
  open(session: Session): Session {
    if (this.#live.size >= this.settings.maxSessions) throw problems.tooManySessions();
    this.sessions.set(session.id, session);
    this.#live.add(session);
    const { startMs } = this.settings;
    if (Number.isFinite(startMs)) this.clock.after(startMs, () => this.start(session));
    return session;
  }

  /** Makes a session ready. On one that has started, or ended, it does nothing. */
  start(session: Session): void {
    if (session.status !== "created") return;
    session.status = "running";
    session.startedAt = this.clock.now();
    session.modifiedAt = session.startedAt;
  }

  /** Ends a session and what it is doing. One that failed leaves no state behind. Ending twice does nothing. */
  end(session: Session, how: SessionEnd, at: number = this.clock.now()): void {
    if (!this.#live.delete(session)) return;
    session.status = how;
    session.completedAt = at;
    session.modifiedAt = at;
    if (how !== "failed") this.#keep(session, at);
    if (session.run) this.workOf(session.run)?.fail(`The browser session ${session.id} has ended (${how}).`);
  }

  /** Ends the sessions whose time is over, and deletes the files whose time is. */
  sweep(): void {
    const now = this.clock.now();
    for (const session of this.#live) {
      const endsAt = session.startedAt === null ? Infinity : session.startedAt + session.timeoutMinutes * 60_000;
      if (endsAt <= now) this.end(session, "timeout", endsAt);
    }
    for (const file of this.files.values()) if ((file.expiresAt ?? Infinity) <= now) this.deleteFile(file);
  }

  /** Deletes an uploaded file. */
  deleteFile({ id, key }: StoredFile): void {
    this.files.delete(id);
    this.bucket.delete(key);
  }

  /** Notes what is under way for a run. */
  begin(run: Run, work: Work): void {
    this.#works.set(run, work);
  }

  /** Notes that nothing is under way any more. */
  finish(run: Run): void {
    this.#works.delete(run);
  }

  /** What is under way for a run. */
  workOf(run: Run): Work | undefined {
    return this.#works.get(run);
  }

  /** All that is under way. */
  works(): Work[] {
    return [...this.#works.values()];
  }

  /**
   * The session with this id, also when it has ended.
   *
   * @throws Problem 404
   */
  session(id: string): Session {
    return this.#found(this.sessions, "Browser session", id);
  }

  /**
   * The profile with this id.
   *
   * @throws Problem 404, also for one that was deleted.
   */
  profile(id: string): Profile {
    const profile = this.#found(this.profiles, "Browser profile", id);
    if (profile.deletedAt !== null) throw this.notFound("Browser profile", id);
    return profile;
  }

  /**
   * The run with this id.
   *
   * @throws Problem 404
   */
  run(id: string): Run {
    return this.#found(this.runs, "Run", id);
  }

  /** A 404 as the settings have it. */
  notFound(what: string, id: string): Problem {
    return new Problem(404, this.settings.emptyNotFound ? undefined : `${what} ${id} not found`);
  }

  #found<Item>(items: ReadonlyMap<string, Item>, what: string, id: string): Item {
    const item = items.get(id);
    if (!item) throw this.notFound(what, id);
    return item;
  }

  #keep(session: Session, at: number): void {
    const state = new Map(session.state);
    if (session.generatesProfile) session.archive = { state, readyAt: at + this.settings.archiveMs };
    const profile = session.profileId === null ? undefined : this.profiles.get(session.profileId);
    if (!profile || session.generatesProfile || !this.settings.writesProfilesBack) return;
    profile.state = state;
    profile.modifiedAt = at;
  }
}

/** A point in time as the service writes it: UTC without saying so, with microseconds. */
export function naive(at: number): string {
  return timestamp("v2", at);
}

/** Like {@link naive}; null stays null. */
export function naiveOrNull(at: number | null): string | null {
  return at === null ? null : naive(at);
}

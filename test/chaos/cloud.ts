import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { problems } from "../../src/emulator/server/problem.ts";
import type { Judge } from "./judge.ts";
import { type Origin, originOf } from "./origin.ts";
import type { Random } from "./random.ts";

/** How the vendor behaves when nothing goes wrong, in milliseconds where it is time. */
export interface CloudOptions {
  readonly cap: number;
  readonly profiles: readonly string[];
  /** From a create's arrival to its answer. The session counts from the arrival. */
  readonly startMs: readonly [number, number];
  readonly taskMs: readonly [number, number];
  readonly stopMs: readonly [number, number];
  /** A session without a task ends by itself after this, and saves nothing. */
  readonly idleLifeMs: number;
  /** Lists show a session only after this, and go on to show it as live after its end. */
  readonly listLagMs: readonly [number, number];
  /** How many sessions die by themselves. */
  readonly deaths?: number;
}

export interface Task {
  readonly id: string;
  readonly session: Session;
  readonly text: string;
  readonly origin: Origin | undefined;
  readonly createdAt: string;
  status: "started" | "finished" | "stopped";
  finishedAt: string | null;
}

export interface Session {
  readonly id: string;
  readonly profile: string | undefined;
  readonly creator: string;
  /** Put there by the test, not by a pool. */
  readonly foreign: boolean;
  readonly startedAt: string;
  readonly shownAt: number;
  readonly hideLagMs: number;
  /** What the profile was when the session loaded it. */
  readonly loaded: { readonly version: number; readonly state: readonly string[] };
  readonly done: string[];
  readonly tasks: Task[];
  readonly leases: Map<number, string>;
  /** When each worker first asked for a stop. */
  readonly stopAsked: Map<string, number>;
  fence: number;
  lastUsed: number;
  running: Task | undefined;
  stopping: Promise<void> | undefined;
  end:
    | { readonly how: "stop" | "idle" | "death"; readonly by: string; readonly at: number; readonly iso: string }
    | undefined;
  readonly goneAs: 404 | 410;
  /** Whether it was excused that it writes its profile beside another. */
  isOneOfTwo: boolean;
}

interface ProfileState {
  version: number;
  state: readonly string[];
}

const LOOK_MS = 20;
/** An ended session is forgotten after this, but for who asks for it by its id. */
const KEPT_MS = 120_000;

/** The vendor itself: it knows nothing of pools and stores, and judges by what it sees. */
export class Cloud {
  readonly options: CloudOptions;
  readonly judge: Judge;
  readonly sessions = new Map<string, Session>();
  readonly tasks = new Map<string, Task>();
  readonly profiles: Map<string, ProfileState>;
  readonly counts = {
    creates: 0,
    refused: 0,
    tasks: 0,
    finished: 0,
    stops: 0,
    deaths: 0,
    zombiesStopped: 0,
    zombiesLive: 0,
  };
  /** How long tasks take that are dispatched from now on. */
  taskMs: readonly [number, number];
  readonly #random: Random;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: CloudOptions, judge: Judge, random: Random) {
    this.options = options;
    this.taskMs = options.taskMs;
    this.judge = judge;
    this.#random = random;
    this.profiles = new Map(options.profiles.map((id) => [id, { version: 0, state: [] }]));
    const look = setInterval(() => this.#endIdle(), LOOK_MS);
    this.#timers.add(look);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  live(): Session[] {
    return [...this.sessions.values()].filter(({ end }) => !end);
  }

  /** Those that pools have opened. */
  liveOwn(): Session[] {
    return this.live().filter(({ foreign }) => !foreign);
  }

  /** What a list shows now. */
  listed(status: string | null): Session[] {
    const now = performance.now();
    const shown = [...this.sessions.values()].filter(({ shownAt }) => shownAt <= now);
    return status === null ? shown : shown.filter((session) => this.listedStatus(session) === status);
  }

  listedStatus({ end, hideLagMs }: Session): "active" | "stopped" {
    return end && end.at + hideLagMs <= performance.now() ? "stopped" : "active";
  }

  /** Sessions of somebody else on the same key. */
  occupy(count: number): Session[] {
    return Array.from({ length: count }, () => this.#add("somebody", undefined, true));
  }

  /** Somebody else ends what they have. */
  vacate(): void {
    for (const session of this.live()) if (session.foreign) this.#end(session, "stop", session.creator);
  }

  /** @throws Problem 429 at the cap, 404 without such a profile. */
  async create(profile: string | undefined, worker: string): Promise<Session> {
    this.counts.creates += 1;
    if (profile !== undefined && !this.profiles.has(profile)) throw problems.profileNotFound();
    const isOneOfTwo = this.#judgeCreate(profile, worker);
    if (this.live().length >= this.options.cap) {
      this.counts.refused += 1;
      throw problems.tooManySessions();
    }
    const session = this.#add(worker, profile, false);
    session.isOneOfTwo = isOneOfTwo;
    if (this.#random.chance(this.options.deaths))
      this.#later(this.#random.between(200, 2_000), () => this.#die(session));
    await sleep(this.#random.between(...this.options.startMs));
    return session;
  }

  /** Gives back whether a second writer is excused. */
  #judgeCreate(profile: string | undefined, worker: string): boolean {
    const own = this.liveOwn();
    const about = { profile };
    if (this.judge.wasDownAt(performance.now()))
      this.judge.blame("I8", `${worker} creates while the store is down`, about);
    if (own.length >= this.options.cap) {
      const ids = own.map(({ id }) => id.slice(0, 8)).join(" ");
      this.judge.blame("I3", `a create of ${worker} arrives at the cap: ${ids}`, about);
    }
    const writer = profile === undefined ? undefined : own.find((session) => session.profile === profile);
    if (!writer) return false;
    const what = `${worker} creates a second session on ${profile}, beside ${writer.id.slice(0, 8)} of ${writer.creator}`;
    writer.isOneOfTwo = this.judge.blame("I2", what, { session: writer.id, profile });
    return writer.isOneOfTwo;
  }

  #add(creator: string, profile: string | undefined, foreign: boolean): Session {
    const now = performance.now();
    const [shortest, longest] = this.options.listLagMs;
    const { version, state } = this.profiles.get(profile ?? "") ?? { version: 0, state: [] };
    const session: Session = {
      id: randomUUID(),
      profile,
      creator,
      foreign,
      startedAt: new Date().toISOString(),
      shownAt: now + (foreign ? 0 : this.#random.between(shortest, longest)),
      hideLagMs: this.#random.between(shortest, longest),
      loaded: { version, state },
      done: [],
      tasks: [],
      leases: new Map(),
      stopAsked: new Map(),
      fence: 0,
      lastUsed: now,
      running: undefined,
      stopping: undefined,
      end: undefined,
      goneAs: this.#random.pick([404, 410] as const),
      isOneOfTwo: false,
    };
    this.sessions.set(session.id, session);
    this.judge.note(`created by ${creator}`, { session: session.id, profile });
    return session;
  }

  /** @throws Problem 400 when the session is stopped or busy. */
  dispatch(session: Session, text: string, worker: string): Task {
    const origin = originOf(text);
    const about = { session: session.id, profile: session.profile };
    if (origin?.zombie) this.counts[session.end ? "zombiesStopped" : "zombiesLive"] += 1;
    if (session.end) {
      this.judge.note(`task of ${worker} fence=${origin?.fence} refused: ended`, about);
      throw problems.stopped(400);
    }
    if (origin) this.#judgeTask(session, origin);
    if (session.running) throw problems.busy(400);
    return this.#run(session, text, origin);
  }

  #judgeTask(session: Session, { fence, lease, worker, zombie }: Origin): void {
    const about = { session: session.id, profile: session.profile };
    const who = `${worker} lease=${lease} fence=${fence}${zombie ? " zombie" : ""}`;
    this.judge.note(`task of ${who}`, about);
    const known = session.leases.get(fence);
    if (fence < session.fence) {
      const owner = session.leases.get(session.fence);
      this.judge.blame(zombie ? "I5" : "I1", `${who} comes after fence ${session.fence} of ${owner}`, about);
    } else if (known !== undefined && known !== lease) {
      this.judge.blame("I1", `${who} has the fence of lease ${known}`, about);
    }
    const running = session.running?.origin;
    if (running && running.lease !== lease) {
      this.judge.blame("I1", `${who} meets a running task of ${running.worker} lease=${running.lease}`, about);
    }
    session.fence = Math.max(session.fence, fence);
    session.leases.set(fence, lease);
  }

  #run(session: Session, text: string, origin: Origin | undefined): Task {
    const createdAt = new Date().toISOString();
    const task: Task = { id: randomUUID(), session, text, origin, createdAt, status: "started", finishedAt: null };
    session.running = task;
    session.tasks.push(task);
    this.tasks.set(task.id, task);
    this.counts.tasks += 1;
    this.#later(this.#random.between(...this.taskMs), () => this.#finish(task, "finished"));
    return task;
  }

  stopTask(task: Task): void {
    this.#finish(task, "stopped");
  }

  #finish(task: Task, status: "finished" | "stopped"): void {
    const { session } = task;
    if (task.status !== "started") return;
    task.status = status;
    task.finishedAt = new Date().toISOString();
    session.running = undefined;
    session.lastUsed = performance.now();
    if (status !== "finished") return;
    this.counts.finished += 1;
    if (task.origin) session.done.push(task.origin.mark);
  }

  /** Stops it, which takes a while, and saves its profile. */
  stop(session: Session, worker: string): Promise<void> {
    session.stopping ??= sleep(this.#random.between(...this.options.stopMs)).then(() =>
      this.#end(session, "stop", worker),
    );
    return session.stopping;
  }

  /** A stop that arrives, whether it will be carried out or not. */
  noteStop(session: Session, worker: string): void {
    this.counts.stops += 1;
    const about = { session: session.id, profile: session.profile };
    this.judge.note(`stop asked by ${worker}${session.end ? ", which has ended" : ""}`, about);
    const first = session.stopAsked.get(worker) ?? performance.now();
    session.stopAsked.set(worker, first);
    const owner = this.#ownerOf(session);
    if (session.end || owner === worker || !this.judge.wasDownAt(first)) return;
    this.judge.blame("I8", `${worker} stops a session of ${owner} while the store is down`, about);
  }

  /** Who has it: whose task came last, else who created it. */
  #ownerOf({ tasks, creator }: Session): string {
    return tasks.at(-1)?.origin?.worker ?? creator;
  }

  #endIdle(): void {
    const now = performance.now();
    for (const session of this.sessions.values()) {
      const { end, running, lastUsed, foreign, id, profile } = session;
      if (end && end.at + KEPT_MS < now) this.#forget(session);
      if (end || running || foreign || lastUsed + this.options.idleLifeMs > now) continue;
      const rule = profile === undefined ? "I4" : "I7";
      this.judge.blame(rule, `nobody stopped it for ${this.options.idleLifeMs} ms`, { session: id, profile });
      this.#end(session, "idle", "vendor");
    }
  }

  #die(session: Session): void {
    if (session.end) return;
    this.counts.deaths += 1;
    this.#end(session, "death", "vendor");
  }

  #end(session: Session, how: "stop" | "idle" | "death", by: string): void {
    if (session.end) return;
    const about = { session: session.id, profile: session.profile };
    if (session.running) this.#finish(session.running, "stopped");
    session.end = { how, by, at: performance.now(), iso: new Date().toISOString() };
    this.judge.note(`ended: ${how} by ${by}`, about);
    if (how === "stop" && session.profile !== undefined) this.#save(session, session.profile);
  }

  /** The last stop wins, as at the vendor: what another session saved since this one loaded the profile is gone. */
  #save({ id, loaded, done, isOneOfTwo }: Session, profile: string): void {
    const stored = this.profiles.get(profile);
    if (stored && stored.version !== loaded.version && stored.state.length > loaded.state.length) {
      const what = `saves ${profile} over what others saved since it was loaded`;
      if (isOneOfTwo) this.judge.note(what, { session: id, profile });
      else this.judge.blame("lost", what, { session: id, profile });
    }
    this.profiles.set(profile, { version: (stored?.version ?? 0) + 1, state: [...loaded.state, ...done] });
  }

  /** Whether a task that somebody was told to be done is where it must be. Undefined: too early to tell, or not to be told. */
  keeps(sessionId: string, mark: string): boolean | undefined {
    const session = this.sessions.get(sessionId);
    if (session?.profile === undefined || session.end?.how !== "stop") return undefined;
    return this.profiles.get(session.profile)?.state.includes(mark);
  }

  #forget(session: Session): void {
    this.sessions.delete(session.id);
    for (const { id } of session.tasks) this.tasks.delete(id);
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }
}

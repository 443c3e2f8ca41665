import type {
  Hold,
  OpenFailure,
  Phase,
  PoolSource,
  Seen,
  SessionPort,
  SharedStores,
} from "../../../src/facade/pool/session-port.ts";
import { ProfileGuard } from "../../../src/facade/profile-guard.ts";
import { InvalidInputError } from "../../../src/index.ts";

/** What a fake session is opened with. */
export interface FakeRequest {
  readonly profileId?: string;
  /** Baked into the session. */
  readonly color?: string;
  /** Brought by each lease. */
  readonly note?: string;
  /** What the port refuses before anything is asked. */
  readonly wrong?: boolean;
}

/** What the vendor does with one call. */
export interface Plan {
  /** How long it takes until it is done. */
  readonly afterMs?: number;
  /** How long it takes until the answer is there. */
  readonly answerMs?: number;
  /** Nothing more happens until this is settled. */
  readonly until?: Promise<unknown>;
  /** What goes wrong. */
  readonly fails?: OpenFailure | Error;
  /** Whether it was done before it went wrong. */
  readonly done?: boolean;
}

/** A failure of the fake vendor. */
export class FakeError extends Error {
  readonly failure: OpenFailure;

  constructor(failure: OpenFailure) {
    super(`The vendor says: ${failure}.`);
    this.failure = failure;
  }
}

type Call = "open" | "get" | "list" | "stop" | "account";

interface Living {
  readonly id: string;
  readonly kind: string;
  readonly request: FakeRequest;
  readonly mark: string | undefined;
  phase: Phase;
  /** The lease that has sent last. */
  lease: number;
  readonly isForeign: boolean;
}

/** Where sessions live. It knows of no store: it counts for itself, and notes what must not be. */
export class FakeVendor {
  project = "project-1";
  cap = 3;
  /** Whether a second live session on a profile is noted as a mistake. */
  profilesAreExclusive = true;
  /** Whether marks are kept, as some kinds cannot carry one. */
  keepsMarks = true;
  /** What happened, in order: `open s1`, `get s1`, `stop s1`, `list`, `account`, `send s1 text`. */
  readonly log: string[] = [];
  /** What must not happen. */
  readonly mistakes: string[] = [];
  readonly live = new Map<string, Living>();
  /** The most sessions that were live at once. */
  most = 0;
  leases = 0;
  /** What each call does when nothing was planned for it. */
  readonly usual: Partial<Record<Call, Plan | (() => Plan)>> = {};
  readonly #plans = new Map<Call, Plan[]>();
  #ids = 0;

  /** Plans the next calls of a sort. */
  next(call: Call, ...plans: readonly Plan[]): void {
    this.#plans.set(call, [...(this.#plans.get(call) ?? []), ...plans]);
  }

  /** From now on everything goes well. */
  calm(): void {
    this.#plans.clear();
  }

  count(what: string): number {
    return this.log.filter((line) => line.startsWith(what)).length;
  }

  /** A session that somebody else has opened. */
  openElsewhere({ id = `other${++this.#ids}`, kind = "fake", mark }: Partial<Pick<Living, "id" | "kind" | "mark">>) {
    this.live.set(id, { id, kind, mark, request: {}, phase: "idle", lease: 0, isForeign: true });
    return id;
  }

  /** A session ends by itself, or goes to work for somebody. */
  becomes(id: string, phase: Phase): void {
    const session = this.live.get(id);
    if (session) session.phase = phase;
    if (phase === "closed") this.live.delete(id);
  }

  open(kind: string, request: FakeRequest, mark: string): Promise<Living> {
    return this.#play("open", "open", () => {
      const { profileId } = request;
      if (this.live.size >= this.cap) {
        const isOurs = [...this.live.values()].every(({ isForeign }) => !isForeign);
        if (isOurs) this.mistakes.push(`a session was opened above the cap of ${this.cap}`);
        throw new FakeError("full");
      }
      const writer = profileId && [...this.live.values()].find((other) => other.request.profileId === profileId);
      if (writer && this.profilesAreExclusive) this.mistakes.push(`${profileId} was opened beside ${writer.id}`);
      const id = `s${++this.#ids}`;
      this.log.push(`open ${id}`);
      const carried = this.keepsMarks ? mark : undefined;
      const living: Living = { id, kind, request, mark: carried, phase: "idle", lease: 0, isForeign: false };
      this.live.set(id, living);
      this.most = Math.max(this.most, this.live.size);
      return living;
    });
  }

  get(id: string): Promise<Phase> {
    return this.#play("get", `get ${id}`, () => this.live.get(id)?.phase ?? "closed");
  }

  list(kind: string): Promise<Living[]> {
    return this.#play("list", "list", () => [...this.live.values()].filter((living) => living.kind === kind));
  }

  stop(id: string, savesProfile: boolean): Promise<void> {
    return this.#play("stop", `stop ${id}${savesProfile ? " saving" : ""}`, () => {
      this.live.delete(id);
    });
  }

  account(): Promise<{ project: string; maxSessions: number }> {
    return this.#play("account", "account", () => ({ project: this.project, maxSessions: this.cap }));
  }

  /** A session gets something to do from one who has leased it. */
  send(id: string, lease: number, text: string): void {
    this.log.push(`send ${id} ${text}`);
    const living = this.live.get(id);
    if (!living) return;
    if (lease < living.lease) this.mistakes.push(`${id} was used by lease ${lease} after lease ${living.lease}`);
    living.lease = Math.max(lease, living.lease);
  }

  async #play<T>(call: Call, line: string, act: () => T): Promise<T> {
    const usual = this.usual[call];
    const plan = this.#plans.get(call)?.shift() ?? (typeof usual === "function" ? usual() : usual) ?? {};
    const { afterMs, answerMs, until, fails, done } = plan;
    if (call !== "open") this.log.push(line);
    if (afterMs) await wait(afterMs);
    if (until) await until;
    const answer = fails === undefined || done ? act() : undefined;
    if (answerMs) await wait(answerMs);
    if (fails === undefined) return answer as T;
    if (call === "open" && !done) this.log.push(`refuse ${fails instanceof Error ? fails.message : fails}`);
    throw fails instanceof Error ? fails : new FakeError(fails);
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What a lease of the fake vendor can do. */
export class FakeSession {
  readonly id: string;
  readonly request: FakeRequest;
  readonly #vendor: FakeVendor;
  readonly #hold: Hold;
  readonly #lease: number;
  quiet = true;

  constructor(vendor: FakeVendor, id: string, request: FakeRequest, hold: Hold) {
    this.#vendor = vendor;
    this.id = id;
    this.request = request;
    this.#hold = hold;
    this.#lease = ++vendor.leases;
  }

  async send(text: string): Promise<void> {
    this.#hold.check();
    this.#vendor.send(this.id, this.#lease, text);
  }

  stop(): Promise<void> {
    return this.#hold.release();
  }
}

/** One process with its client: what it holds in common for its pools, and a source per kind of session. */
export class FakeClient {
  readonly vendor: FakeVendor;
  readonly shared: SharedStores;
  readonly guard = new ProfileGuard();

  constructor(vendor: FakeVendor, shared: SharedStores = {}) {
    this.vendor = vendor;
    this.shared = shared;
  }

  source(kind = "fake"): PoolSource<FakeRequest, FakeSession> {
    return { sessionPort: fakePort(this, kind) };
  }
}

function fakePort({ vendor, shared, guard }: FakeClient, kind: string): SessionPort<FakeRequest, FakeSession> {
  const seen = (id: string, phase: Phase): Seen<FakeRequest, FakeSession> => ({
    id,
    phase,
    lend: (request, hold) => new FakeSession(vendor, id, request, hold),
  });
  return {
    kind,
    shared,
    plan: (request) => {
      if (request.wrong) throw new InvalidInputError("This request is wrong.");
      const { profileId, color } = request;
      return {
        request,
        baked: { profileId, color },
        profileId,
        longestLifeMs: 4 * HOUR_MS,
        orphanLifeMs: ORPHAN_MS,
      };
    },
    reserve: (profileId) => guard.holdForPool(profileId),
    open: async (request, { mark, timeoutMs }) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new FakeError("unknown")), timeoutMs);
      });
      const opening = vendor.open(kind, request, mark).then(({ id, phase }) => seen(id, phase));
      return Promise.race([opening, late]).finally(() => clearTimeout(timer));
    },
    get: async (id) => seen(id, await vendor.get(id)),
    list: async function* () {
      for (const { id, mark } of await vendor.list(kind)) yield { id, mark };
    },
    stop: (id, { savesProfile }) => vendor.stop(id, savesProfile),
    isQuiet: ({ quiet }) => quiet,
    failureOf: (error) => (error instanceof FakeError ? error.failure : "unknown"),
    account: () => vendor.account(),
  };
}

const HOUR_MS = 60 * 60_000;
const ORPHAN_MS = 20 * 60_000;

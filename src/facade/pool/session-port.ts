import type { LeaseStore } from "./lease-store.ts";

/** What a session is doing: not ready yet, ready, at work on a task, or over. */
export type Phase = "starting" | "idle" | "busy" | "closed";

/** What a request means to who pools it. */
export interface SessionPlan<Request> {
  /** The request, with what follows from its sessions being pooled. */
  readonly request: Request;
  /** All that is baked into a session at its opening, as plain data: sessions are alike only when this is. */
  readonly baked: unknown;
  /** The profile that the session will save when it is stopped. */
  readonly profileId?: string | undefined;
  /** How long a session lives at most, in milliseconds. */
  readonly longestLifeMs: number;
  /** How long a session lives that nobody knows of and that gets no task, in milliseconds. */
  readonly orphanLifeMs: number;
}

/** What this process has taken for one session. */
export interface Reservation {
  release(): void;
  /** Gives it back after so many milliseconds: a session that nobody knows of may live until then. */
  expire(livesMs: number): void;
}

/** What stands between a leased session and its user. */
export interface Hold {
  /** Called before everything that the session sends. It throws when the lease is over. */
  readonly check: () => void;
  /** What the session's own `stop` and dispose do: they give it back. */
  readonly release: () => Promise<void>;
}

/** A session as the vendor shows it now. */
export interface Seen<Request, Session> {
  readonly id: string;
  readonly phase: Phase;
  /** A handle for one lease. The request brings what its tasks start from. */
  readonly lend: (request: Request, hold: Hold) => Session;
}

/**
 * Why a session was not opened. `full`: the vendor's cap is reached. `later`: refused, and may work soon. `refused`: it will not work.
 * `unknown`: it may have been opened.
 */
export type OpenFailure = "full" | "later" | "refused" | "unknown";

/** What a pool needs from a vendor. Implemented once for each kind of session. */
export interface SessionPort<Request, Session> {
  /** Names the kind in the store. */
  readonly kind: string;
  /** Whose caps and profiles they are, where projects of several vendors may have one name. Left out: Browser Use's. */
  readonly realm?: string | undefined;
  /** Checks a request, and says what it means. With `group`, its sessions will serve callers who must not know of each other. */
  plan(request: Request, options: { readonly group: boolean }): SessionPlan<Request>;
  /** Takes in this process what a session outside the pool must not have meanwhile. It throws when one has it. */
  reserve(profileId: string | undefined): Reservation;
  /** Opens a session: one try, at most `timeoutMs`. The session carries `mark` where it can. */
  open(
    request: Request,
    options: { readonly mark: string; readonly timeoutMs: number },
  ): Promise<Seen<Request, Session>>;
  /** Looks at a session. One that is gone is `closed`. */
  get(id: string): Promise<Seen<Request, Session>>;
  /** All sessions of this kind that are live, each once. */
  list(): AsyncIterable<{ readonly id: string; readonly mark?: string | undefined }>;
  /** Stops a session; resolves when its end is confirmed. One that has ended already is a success. */
  stop(id: string, options: { readonly savesProfile: boolean }): Promise<void>;
  /** Whether it is sure, without asking, that a session is open and no task runs in it. */
  isQuiet(session: Session): boolean;
  /** What came of a failed `open`. */
  failureOf(error: unknown): OpenFailure;
  /** The vendor's project, and how many sessions it may have at once, over all kinds. */
  account(): Promise<{ readonly project: string; readonly maxSessions: number }>;
  /** What the pools of one client have in common. */
  readonly shared: SharedStores;
}

/** Where the pools of one client count, when they bring no store. */
export interface SharedStores {
  /** What the client was given. */
  readonly leaseStore?: LeaseStore | undefined;
  /** Else: made by the first pool that needs it. */
  memory?: LeaseStore | undefined;
  /** Those that are in use: they are closed with the client. */
  readonly pools?: Set<{ close(options: { readonly timeoutMs: number }): Promise<void> }> | undefined;
}

/** Anything whose sessions can be pooled. */
export interface PoolSource<Request, Session> {
  readonly sessionPort: SessionPort<Request, Session>;
}

import { onAbort } from "../call/on-abort.ts";
import { LimitReached } from "../call/wait.ts";
import { within } from "../call/within.ts";
import { paceMs, restMs } from "./pace.ts";
import type { ListPlace, RunList } from "./run-list.ts";
import { WebhookNews } from "./webhook-news.ts";

/** A list may lag behind: a run that it shows at work is looked at once in a while all the same. */
const LOOK_ANYWAY_MS = 300_000;
/** A list that takes longer holds up the others. */
const READING_MS = 5_000;
/** After so many turns without a list, runs are asked for one by one, a quarter of them at a turn; now and then a list is tried again. */
const BLIND_TURNS = 2;
const RETRY_TURNS = 8;
const SHARE_AT_A_TURN = 0.25;
const FEWEST_AT_A_TURN = 20;

/** A run as the poller knows it. */
export interface Polled {
  readonly place: ListPlace;
  /** Since when it is waited for, on the clock of `performance`. */
  readonly sinceMs: number;
  /** Whether what the list says (undefined: it does not have the run) is a reason to look. */
  readonly isNews: (status: string | undefined) => boolean;
  /** @throws what ends the wait, such as the end of a lease. */
  readonly check: () => void;
}

/** What a run is woken with. `news`: the list, or an event, says that something has happened. */
interface Waking {
  readonly news: boolean;
}

/** A run that waits for its turn. */
interface Waiter {
  readonly wake: (waking: Waking) => void;
  readonly fail: (error: unknown) => void;
}

/** What is known of a run between its turns. */
interface Entry {
  waiter: Waiter | undefined;
  readonly addedMs: number;
  lookedMs: number;
  /** Whether an event came that nobody has looked after yet. */
  noticed: boolean;
  /** Whether the last look was for an event's sake. */
  wasNoticed: boolean;
}

type Turn = readonly [Polled, Entry];

/** Told what the last turn has cost, and when the next one comes. */
export type OnPoll = (poll: {
  readonly runs: number;
  readonly requests: number;
  readonly nextPollMs: number | undefined;
}) => void;

/**
 * Gives the runs of one version of the API, however many are waited for, their turns to be looked at. It reads the service's list when
 * that costs less than asking for each, and then wakes those of which the list has news.
 */
export class Poller {
  readonly #list: RunList | undefined;
  readonly #onPoll: OnPoll | undefined;
  readonly #entries = new Map<Polled, Entry>();
  readonly #waiting = new Map<Polled, Entry>();
  readonly #news = new WebhookNews();
  #requests = 1;
  #turnedMs = 0;
  #youngestMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Aborts the reading of a list when nobody waits any more. */
  #reading: AbortController | undefined;
  /** Turns since a list could be read. */
  #blindTurns = 0;

  /** `list`: left out when what is waited for is on no list. Then each turn is a look. */
  constructor(list: RunList | undefined, onPoll?: OnPoll) {
    this.#list = list;
    this.#onPoll = onPoll;
  }

  /** From now on the run is one of those that have turns. */
  add(run: Polled): void {
    const lookedMs = Number.NEGATIVE_INFINITY;
    this.#entries.set(run, {
      waiter: undefined,
      addedMs: performance.now(),
      lookedMs,
      noticed: false,
      wasNoticed: false,
    });
  }

  remove(run: Polled): void {
    this.#entries.delete(run);
  }

  /** Resolves when it is the run's turn; rejects with the signal's reason. */
  turn(run: Polled, signal: AbortSignal): Promise<Waking> {
    return new Promise((resolve, reject) => {
      const entry = this.#entries.get(run);
      if (signal.aborted || !entry) return reject(signal.reason);
      const stay = onAbort(signal, () => entry.waiter?.fail(signal.reason));
      const settle = () => {
        entry.waiter = undefined;
        this.#waiting.delete(run);
        stay();
        if (this.#waiting.size === 0) this.#rest();
      };
      entry.waiter = {
        wake: (waking) => {
          settle();
          look(entry);
          resolve(waking);
        },
        fail: (error) => {
          settle();
          reject(error);
        },
      };
      this.#await(run, entry);
    });
  }

  /** The end of a run was seen. */
  ended(run: Polled): void {
    this.#news.ended(run.place.id, this.#entries.get(run)?.wasNoticed === true);
  }

  /** An event says that something has happened to the runs or sessions with these ids. */
  notice(ids: ReadonlySet<string>): void {
    this.#news.came(ids);
    for (const [{ place }, entry] of this.#entries) {
      if (!ids.has(place.id) && !ids.has(place.sessionId)) continue;
      entry.noticed = true;
      entry.waiter?.wake({ news: true });
    }
  }

  #await(run: Polled, entry: Entry): void {
    if (this.#waiting.size === 0) this.#turnedMs = performance.now();
    this.#waiting.set(run, entry);
    if (entry.noticed) entry.waiter?.wake({ news: true });
    else if (!this.#timer || run.sinceMs > this.#youngestMs) this.#schedule();
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#reading?.abort();
  }

  #schedule(): number | undefined {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#reading || this.#waiting.size === 0) return undefined;
    this.#youngestMs = Number.NEGATIVE_INFINITY;
    for (const { sinceMs } of this.#waiting.keys()) this.#youngestMs = Math.max(this.#youngestMs, sinceMs);
    const [runs, requests, now] = [this.#entries.size, this.#requests, performance.now()];
    const nextPollMs = paceMs({
      runs,
      requests,
      ageMs: now - this.#youngestMs,
      announced: this.#list !== undefined && this.#news.announcesEnds(),
    });
    this.#timer = setTimeout(() => this.#turnAll(), Math.max(0, this.#turnedMs + nextPollMs - now));
    return nextPollMs;
  }

  async #turnAll(): Promise<void> {
    const runs = this.#entries.size;
    const reading = new AbortController();
    this.#reading = reading;
    await this.#wakeThoseWithNews(this.#due(), reading.signal);
    this.#reading = undefined;
    this.#turnedMs = performance.now();
    const nextPollMs = this.#schedule();
    this.#onPoll?.({ runs, requests: this.#requests, nextPollMs });
  }

  /** Who was looked at just now, in vain, has to rest for a while. */
  #due(): Turn[] {
    for (const [run, entry] of this.#waiting) check(run, entry);
    const now = performance.now();
    return [...this.#waiting].filter(([{ sinceMs }, { lookedMs }]) => now - lookedMs >= restMs(lookedMs - sinceMs));
  }

  async #wakeThoseWithNews(due: readonly Turn[], signal: AbortSignal): Promise<void> {
    const list = due.length > 1 ? this.#list : undefined;
    const isWorthTrying = this.#blindTurns < BLIND_TURNS || this.#blindTurns % RETRY_TURNS === 0;
    if (list && isWorthTrying) await this.#read(list, due, signal);
    else this.#wakeSome(due, list !== undefined);
  }

  /** A list that cannot be read changes nothing at this turn. */
  async #read(list: RunList, due: readonly Turn[], signal: AbortSignal): Promise<void> {
    const places = due.map(([{ place }]) => place);
    const timeUp = () => new LimitReached();
    const reading = await within(READING_MS, timeUp, signal, (own) => list(places, own)).catch(() => undefined);
    this.#blindTurns = reading ? 0 : this.#blindTurns + 1;
    this.#requests = reading?.requests ?? 1;
    if (reading) for (const turn of due) wakeByNews(turn, reading.statuses);
  }

  /** Where lists cannot be read, those are asked for one by one that were not for the longest time: a part at each turn. */
  #wakeSome(due: readonly Turn[], isBlind: boolean): void {
    if (isBlind) this.#blindTurns += 1;
    const some = isBlind ? Math.max(FEWEST_AT_A_TURN, Math.ceil(due.length * SHARE_AT_A_TURN)) : due.length;
    const longest = [...due].sort(([, a], [, b]) => a.lookedMs - b.lookedMs).slice(0, some);
    this.#requests = Math.max(1, longest.length);
    for (const [, { waiter }] of longest) waiter?.wake({ news: false });
  }
}

function look(entry: Entry): void {
  entry.lookedMs = performance.now();
  entry.wasNoticed = entry.noticed;
  entry.noticed = false;
}

function check({ check }: Polled, { waiter }: Entry): void {
  try {
    check();
  } catch (error) {
    waiter?.fail(error);
  }
}

function wakeByNews([run, { waiter, lookedMs, addedMs }]: Turn, statuses: ReadonlyMap<string, string>): void {
  const news = run.isNews(statuses.get(run.place.id));
  if (news || performance.now() - Math.max(lookedMs, addedMs) > LOOK_ANYWAY_MS) waiter?.wake({ news });
}

/** A run that was dispatched later than this ago is not worth a look yet. */
export const FIRST_MS = 250;
/** How much slower looks get with the age of what is looked at. */
const GROWTH = 0.25;
/** Lists are read at least this often, one run alone is asked at least that often. */
const LIST_MS = 800;
const ALONE_MS = 2_000;
/** Runs that are very old are looked at less often. */
const OLD_GROWTH = 1 / 600;
const OLDEST_MS = 5_000;
/** While webhooks announce the ends, polling is the safety net alone. */
const ANNOUNCED_MS = 30_000;
const JITTER = 0.2;
/** What all runs together may cost: four requests a second, or more where there are more than 200 of them. */
const REQUESTS_PER_SECOND = 4;
const RUNS_PER_REQUEST = 50;

/** What is known of the runs that are waited for. */
export interface Crowd {
  /** How many there are. */
  readonly runs: number;
  /** What the last look at them has cost. */
  readonly requests: number;
  /** How old the youngest is. */
  readonly ageMs: number;
  /** Whether webhooks announce the ends. */
  readonly announced?: boolean;
}

/**
 * How long to wait before the next look: a quarter second first, growing with age; never more requests than four a second (or one per
 * fifty runs), never more than one per run and two seconds; ±20 %.
 */
export function paceMs({ runs, requests, ageMs, announced }: Crowd, random: () => number = Math.random): number {
  const perSecond = Math.max(REQUESTS_PER_SECOND, runs / RUNS_PER_REQUEST);
  const least = clamp((requests / perSecond) * 1000, FIRST_MS, ALONE_MS);
  const usual = clamp((ALONE_MS * requests) / runs, LIST_MS, ALONE_MS);
  const most = announced ? ANNOUNCED_MS : Math.max(least, usual, Math.min(OLDEST_MS, ageMs * OLD_GROWTH));
  return clamp(ageMs * GROWTH, least, most) * (1 + JITTER * (2 * random() - 1));
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

/** How long a run rests after a look, so that one that shows nothing does not cost more than one that is asked for alone. */
export function restMs(ageMs: number): number {
  return paceMs({ runs: 1, requests: 1, ageMs }, () => 0);
}

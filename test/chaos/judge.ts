/**
 * What must hold, as the vendor sees it. `robbed`: nobody stops the session of a lease that holds. `lost`: what a task was confirmed to
 * have done is in its profile once its session was stopped. `refused`: a pool is in the way of itself. `crash`: no process ends by itself. `surprise`: a call that the vendor does
 * not know, so that the test itself is wrong.
 */
export type Rule =
  | "I1"
  | "I2"
  | "I3"
  | "I4"
  | "I5"
  | "I6"
  | "I7"
  | "I8"
  | "robbed"
  | "lost"
  | "refused"
  | "crash"
  | "surprise";

/** What an event is about. */
export interface About {
  readonly session?: string | undefined;
  readonly profile?: string | undefined;
}

/** A rule that was broken, and all that is known of the session and the profile concerned. */
export interface Violation extends About {
  readonly rule: Rule;
  readonly what: string;
  readonly history: readonly string[];
}

interface Note extends About {
  readonly at: number;
  readonly what: string;
}

interface Excuse {
  readonly rules: readonly Rule[];
  readonly until: number;
  readonly why: string;
}

const KEPT_NOTES = 20_000;
const SHOWN_NOTES = 60;
/** A broken rule breaks again and again: the first ones tell the story. */
const KEPT_VIOLATIONS = 20;

/** Writes down what happens, and which rules were broken. */
export class Judge {
  readonly violations: Violation[] = [];
  /** What would be a violation, had the test itself not made it possible. */
  readonly excused: Violation[] = [];
  readonly #notes: Note[] = [];
  readonly #excuses: Excuse[] = [];
  readonly #startedAt = performance.now();
  #downSince: number | undefined;

  note(what: string, about: About = {}): void {
    this.#notes.push({ at: performance.now(), what, ...about });
    if (this.#notes.length > 2 * KEPT_NOTES) this.#notes.splice(0, KEPT_NOTES);
  }

  /** Gives back whether it is excused. */
  blame(rule: Rule, what: string, about: About = {}): boolean {
    this.note(`!! ${rule}: ${what}`, about);
    const excuse = this.#excuses.find(({ rules, until }) => rules.includes(rule) && until > performance.now());
    const list = excuse ? this.excused : this.violations;
    if (list.length < KEPT_VIOLATIONS) {
      list.push({ ...about, rule, what: excuse ? `${what} (${excuse.why})` : what, history: this.history(about) });
    }
    return excuse !== undefined;
  }

  /** Excuses these rules for a while: the test has just done what nothing can stand. */
  excuse(rules: readonly Rule[], forMs: number, why: string): void {
    this.#excuses.push({ rules, until: performance.now() + forMs, why });
  }

  /** From now on nobody can reach the store; what was granted before may still be on its way. */
  storeDown(settleMs: number): void {
    this.note("the store is down");
    this.#downSince = performance.now() + settleMs;
  }

  storeUp(): void {
    this.note("the store is up");
    this.#downSince = undefined;
  }

  /** Whether the store was down at this moment, with all that had been granted before settled. */
  wasDownAt(at: number): boolean {
    return this.#downSince !== undefined && at > this.#downSince;
  }

  has(rule: Rule): boolean {
    return this.violations.some((violation) => violation.rule === rule);
  }

  /** What was noted of a session or a profile, and what concerned all; without either, everything that was noted last. */
  history({ session, profile }: About = {}): string[] {
    const isAll = session === undefined && profile === undefined;
    const concerns = (note: Note) =>
      isAll ||
      (session !== undefined && note.session === session) ||
      (profile !== undefined && note.profile === profile) ||
      (note.session === undefined && note.profile === undefined);
    const shown = isAll ? KEPT_NOTES : SHOWN_NOTES;
    return this.#notes
      .filter(concerns)
      .slice(-shown)
      .map((note) => this.#line(note));
  }

  /** For a failed test to show. */
  report(): string {
    const stories = this.violations
      .slice(0, 5)
      .map(({ rule, what, history }) => [`${rule}: ${what}`, ...history].join("\n    "));
    return [`${this.violations.length} violations`, ...stories].join("\n\n");
  }

  #line({ at, what, session, profile }: Note): string {
    const time = ((at - this.#startedAt) / 1000).toFixed(3).padStart(8);
    return [time, session?.slice(0, 8) ?? "-", profile ?? "-", what].join(" ");
  }
}

/** Which rules were broken, and how often. */
export function tally(violations: readonly Violation[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { rule } of violations) counts[rule] = (counts[rule] ?? 0) + 1;
  return counts;
}

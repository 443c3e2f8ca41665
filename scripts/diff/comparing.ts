import { fail } from "../spec/problem.ts";
import type { Change } from "./change.ts";
import { compareBranches } from "./compare-branch.ts";
import { compareSchemas } from "./compare-schema.ts";
import type { Compared, Sides, Step } from "./steps.ts";

/** A pair that was compared: what differs in it, and the pairs it leads to. Pairs may lead back to themselves. */
export interface Comparison {
  readonly changes: readonly Change[];
  readonly next: readonly Comparison[];
}

const MAX_COMPARISONS = 1_000_000;

/** Compares every pair of schemas once, however many operations lead to it, and without recursion. */
export class Comparing {
  readonly #sides: Sides;
  readonly #file: string;
  readonly #known = new Map<string, { changes: readonly Change[]; next: readonly Comparison[] }>();
  readonly #waiting: Step[] = [];

  constructor(sides: Sides, file: string) {
    this.#sides = sides;
    this.#file = file;
  }

  /** Begins with what was found at the top; what is below it is compared by {@link finish}. */
  begin({ changes, next }: Compared): Comparison {
    return { changes, next: next.map((step) => this.#meet(step)) };
  }

  /** Compares until nothing is waiting. */
  finish(): void {
    for (let step = this.#waiting.pop(); step; step = this.#waiting.pop()) {
      const compared = step.what === "schema" ? compareSchemas(this.#sides, step) : compareBranches(this.#sides, step);
      Object.assign(this.#meet(step), this.begin(compared));
    }
  }

  #meet(step: Step): Comparison {
    const key = this.#keyOf(step);
    const known = this.#known.get(key);
    if (known) return known;
    if (this.#known.size > MAX_COMPARISONS) fail(this.#file, "", "is too entangled to compare");
    const fresh = { changes: [], next: [] };
    this.#known.set(key, fresh);
    this.#waiting.push(step);
    return fresh;
  }

  #keyOf(step: Step): string {
    const { role, sense } = step.flow;
    const { old, new: fresh } = this.#sides;
    const pair =
      step.what === "schema"
        ? [old.reader.identify(step.old), fresh.reader.identify(step.new)]
        : [step.old.key, step.new.key];
    return [step.what, role, sense, ...pair].join(" ");
  }
}

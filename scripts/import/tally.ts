import { type Count, total } from "./repairs/repair.ts";

/** A class of damage, or of what was left behind, and how often it was found. */
export interface ClassCount extends Count {
  readonly name: string;
  readonly description: string;
}

/** Under which heading something is reported. */
export type Heading = "repaired" | "dropped";

interface Named {
  readonly name: string;
  readonly description: string;
}

/** Counts what an import does, class by class, over all documents of the source. */
export class Tally {
  readonly #counts: Readonly<Record<Heading, Map<string, ClassCount>>> = { repaired: new Map(), dropped: new Map() };

  add(heading: Heading, { name, description }: Named, count: Count): void {
    const known = this.#counts[heading].get(name);
    this.#counts[heading].set(name, { name, description, ...total(known ? [known, count] : [count]) });
  }

  /** In the order in which the classes were counted first; classes that were not found are there with 0. */
  list(heading: Heading): readonly ClassCount[] {
    return [...this.#counts[heading].values()];
  }
}

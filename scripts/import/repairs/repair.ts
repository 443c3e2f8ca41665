import type { Node } from "../../spec/document.ts";
import { fail } from "../../spec/problem.ts";
import type { ApiVersion } from "../../versions.ts";

/** What a repair may need to know beside the document. */
export interface Context {
  readonly version: ApiVersion;
  /** As the user named it. */
  readonly file: string;
  /** Which part of the file the document is: `fragment 3 (line 72)`, or empty. */
  readonly part: string;
}

/** How often a class of damage was found. */
export interface Count {
  readonly found: number;
  /** How many of those were left as they are, because nothing tells what they should be. */
  readonly left?: number;
  readonly note?: string;
}

/** One class of damage. */
export interface Repair {
  /** For machines: stable, in kebab case. */
  readonly name: string;
  /** For people: what was found, as it reads after a number. */
  readonly description: string;
  /** Mends the document in place. @throws {@link SpecError} naming the place that cannot be mended. */
  repair(document: Node, context: Context): Count;
}

/** Refuses the document because of one place in it. */
export function refuse({ file, part }: Pick<Context, "file" | "part">, place: string, message: string): never {
  return fail(file, [part, place].filter(Boolean).join(": "), message);
}

/** Sums up what was counted in several documents. */
export function total(counts: readonly Count[]): Count {
  const sum = (of: (count: Count) => number): number => counts.reduce((all, count) => all + of(count), 0);
  const note = counts.find((count) => count.note !== undefined)?.note;
  return {
    found: sum(({ found }) => found),
    left: sum(({ left = 0 }) => left),
    ...(note === undefined ? {} : { note }),
  };
}

import type { Side } from "./side.ts";
import type { Branch } from "./view.ts";

/** Which branches of a union are compared with which, and which have no partner. */
export interface Partners {
  readonly pairs: readonly (readonly [Branch, Branch])[];
  readonly removed: readonly Branch[];
  readonly added: readonly Branch[];
}

/** Comparing all with all costs too much beyond this; such unions are told apart by name or constant. */
const MAX_CANDIDATES = 10_000;

/**
 * Finds partners among branches of one type: those that say the same, then those of one name, then those told apart by
 * the same constant, then those that resemble each other most. The order in which a union is written means nothing.
 */
export function partnersOf(
  sides: { readonly old: Side; readonly new: Side },
  old: readonly Branch[],
  fresh: readonly Branch[],
): Partners {
  const [one, other] = [old[0], fresh[0]];
  if (one && other && old.length + fresh.length === 2) return { pairs: [[one, other]], removed: [], added: [] };
  const matching = new Matching(sides, old, fresh);
  matching.pairWhere((side, branch) => side.likeness(branch));
  matching.pairWhere((_, { name }) => name);
  matching.pairWhere(tagOf);
  matching.pairByResemblance();
  return matching;
}

class Matching implements Partners {
  readonly pairs: [Branch, Branch][] = [];
  removed: readonly Branch[];
  added: readonly Branch[];
  readonly #sides: { readonly old: Side; readonly new: Side };

  constructor(sides: { readonly old: Side; readonly new: Side }, old: readonly Branch[], fresh: readonly Branch[]) {
    this.#sides = sides;
    this.removed = old;
    this.added = fresh;
  }

  /** Pairs branches that give the same text; undefined pairs with nothing. */
  pairWhere(trait: (side: Side, branch: Branch) => string | undefined): void {
    const offers = grouped(this.added, (branch) => trait(this.#sides.new, branch));
    for (const one of this.removed) {
      const other = offers.get(trait(this.#sides.old, one))?.shift();
      if (other) this.#pair(one, other);
    }
  }

  pairByResemblance(): void {
    if (this.removed.length * this.added.length > MAX_CANDIDATES) return;
    const candidates = this.removed.flatMap((one) => this.added.map((other) => this.#candidate(one, other)));
    const alone = candidates.length === 1;
    for (const { one, other, score } of candidates.sort((a, b) => b.score - a.score))
      if (score >= (alone ? 0 : 0.5) && this.removed.includes(one) && this.added.includes(other))
        this.#pair(one, other);
  }

  #candidate(one: Branch, other: Branch): { one: Branch; other: Branch; score: number } {
    const { old, new: fresh } = this.#sides;
    const [left, right] = [tagOf(old, one), tagOf(fresh, other)];
    // Told apart by different constants, they are different things, however much else they share.
    if (left !== undefined && right !== undefined) return { one, other, score: -1 };
    return { one, other, score: resemblance(old.facts(one).properties, fresh.facts(other).properties) };
  }

  #pair(one: Branch, other: Branch): void {
    this.pairs.push([one, other]);
    this.removed = this.removed.filter((branch) => branch !== one);
    this.added = this.added.filter((branch) => branch !== other);
  }
}

/** The constants that tell an object of a union apart, such as `type=image`. */
function tagOf(side: Side, branch: Branch): string | undefined {
  const tags = [...side.facts(branch).properties].flatMap(([name, schema]) => {
    const [only, more] = side.view(schema).branches;
    const values = only && more === undefined ? side.facts(only).values : undefined;
    return values?.length === 1 ? [`${name}=${values[0]}`] : [];
  });
  return tags.length > 0 ? tags.sort().join("&") : undefined;
}

function resemblance(left: ReadonlyMap<string, unknown>, right: ReadonlyMap<string, unknown>): number {
  const all = new Set([...left.keys(), ...right.keys()]);
  const common = [...left.keys()].filter((name) => right.has(name));
  return all.size === 0 ? 0 : common.length / all.size;
}

function grouped(branches: readonly Branch[], key: (branch: Branch) => string | undefined): Map<unknown, Branch[]> {
  const groups = new Map<unknown, Branch[]>();
  for (const branch of branches) {
    const group = key(branch);
    if (group === undefined) continue;
    const known = groups.get(group);
    if (known) known.push(branch);
    else groups.set(group, [branch]);
  }
  return groups;
}

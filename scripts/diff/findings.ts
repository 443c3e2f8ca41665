import { compare } from "../spec/document.ts";
import { type Change, type Finding, severities } from "./change.ts";
import type { Comparison } from "./comparing.ts";
import { judge } from "./judge.ts";

/** Where a comparison begins: an operation, as it is called in the report. */
export interface Root {
  readonly operation: string;
  readonly comparison: Comparison;
}

/**
 * Puts the changes that the roots lead to into words. What differs in the same way at the same place is one finding, with
 * all operations that lead to it.
 */
export function findingsOf(roots: readonly Root[], others: readonly Change[] = []): Finding[] {
  const relevant = leadingToChanges(roots.map(({ comparison }) => comparison));
  const collection = new Collection();
  for (const change of others) collection.add(change);
  for (const { operation, comparison } of roots) {
    for (const { changes } of reachable(comparison, relevant))
      for (const change of changes) collection.add(change, operation);
  }
  return collection.findings.sort(byWeight);
}

class Collection {
  readonly findings: Finding[] = [];
  readonly #operations = new Map<string, string[]>();
  readonly #keys = new Map<Change, string>();

  add(change: Change, operation?: string): void {
    const key = this.#keyOf(change);
    const operations = this.#operations.get(key) ?? this.#begin(key, change);
    if (operation !== undefined && operations.at(-1) !== operation) operations.push(operation);
  }

  #keyOf(change: Change): string {
    const key = this.#keys.get(change) ?? contentOf(change);
    this.#keys.set(change, key);
    return key;
  }

  #begin(key: string, change: Change): string[] {
    const operations: string[] = [];
    this.#operations.set(key, operations);
    this.findings.push(asFinding(change, operations));
    return operations;
  }
}

function contentOf({ kind, place, flow, keyword, before, after }: Change): string {
  return JSON.stringify([kind, place, flow, keyword, before, after]);
}

function asFinding(change: Change, operations: readonly string[]): Finding {
  const { kind, place, flow, keyword, before, after } = change;
  const { severity, message } = judge(change);
  return {
    severity,
    kind,
    ...(flow && { role: flow.role }),
    place,
    ...(keyword !== undefined && { keyword }),
    ...(before !== undefined && { before }),
    ...(after !== undefined && { after }),
    message,
    operations,
  };
}

/** All that a comparison leads to and that matters, itself included, without recursion. */
function reachable(start: Comparison, relevant: ReadonlySet<Comparison>): ReadonlySet<Comparison> {
  const seen = new Set(relevant.has(start) ? [start] : []);
  for (const here of seen) for (const next of here.next) if (relevant.has(next)) seen.add(next);
  return seen;
}

/** Most schemas have not changed: those are not walked again for every operation. */
function leadingToChanges(starts: readonly Comparison[]): ReadonlySet<Comparison> {
  const all = new Set(starts);
  const leaders = new Map<Comparison, Comparison[]>();
  for (const here of all) {
    for (const next of here.next) {
      all.add(next);
      const known = leaders.get(next);
      if (known) known.push(here);
      else leaders.set(next, [here]);
    }
  }
  const relevant = new Set([...all].filter(({ changes }) => changes.length > 0));
  for (const here of relevant) for (const leader of leaders.get(here) ?? []) relevant.add(leader);
  return relevant;
}

function byWeight(one: Finding, other: Finding): number {
  return (
    severities.indexOf(one.severity) - severities.indexOf(other.severity) ||
    compare(one.operations[0] ?? "", other.operations[0] ?? "") ||
    compare(one.place, other.place) ||
    compare(one.kind, other.kind) ||
    compare(one.role ?? "", other.role ?? "")
  );
}

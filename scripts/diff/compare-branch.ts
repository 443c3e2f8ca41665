import type { Change } from "./change.ts";
import { compareObjects } from "./compare-object.ts";
import { type Bound, type Facts, senseOf, tightness } from "./facts.ts";
import { ANYTHING } from "./schema-reader.ts";
import { type BranchStep, type Compared, type Sides, type Step, schemaStep } from "./steps.ts";

/** A change without its place, which is the same for all that a branch says of its own values. */
export type Detail = Omit<Change, "place" | "flow">;

/** Compares what two branches of one type say: lists of values, limits, properties, items, conditions. */
export function compareBranches(sides: Sides, step: BranchStep): Compared {
  const before = sides.old.facts(step.old);
  const after = sides.new.facts(step.new);
  const details = [...valueChanges(before, after), ...boundChanges(before, after), ...ruleChanges(before, after)];
  const objects = compareObjects(sides, step, before, after);
  const conditions = compareConditions(step, before, after);
  const own = [...details, ...openChanges(before, after), ...uniqueChanges(before, after)];
  return {
    changes: [...own.map((detail) => at(step, detail)), ...objects.changes, ...conditions.changes],
    next: [...objects.next, ...itemSteps(step, before, after), ...conditions.next],
  };
}

function at({ place, flow }: BranchStep, detail: Detail): Change {
  return { ...detail, place, flow };
}

function valueChanges(before: Facts, after: Facts): Detail[] {
  const open = before.open || after.open;
  if (!before.values || !after.values) return listChanges(before.values, after.values, open);
  const [old, fresh] = [new Set(before.values), new Set(after.values)];
  const removed = before.values.filter((value) => !fresh.has(value));
  const added = after.values.filter((value) => !old.has(value));
  return [
    ...(removed.length > 0 ? [{ kind: "enum-removed" as const, before: parsed(removed), open }] : []),
    ...(added.length > 0 ? [{ kind: "enum-added" as const, after: parsed(added), open }] : []),
  ];
}

function listChanges(before: Facts["values"], after: Facts["values"], open: boolean): Detail[] {
  if (after) return [{ kind: "enum-set", after: parsed(after), open }];
  return before ? [{ kind: "enum-dropped", before: parsed(before), open }] : [];
}

function parsed(values: readonly string[]): unknown[] {
  return values.map((value): unknown => JSON.parse(value));
}

function openChanges(before: Facts, after: Facts): Detail[] {
  if (before.open === after.open || !before.values || !after.values) return [];
  return [{ kind: after.open ? "list-opened" : "list-closed" }];
}

function boundChanges(before: Facts, after: Facts): Detail[] {
  return unionOfKeys(before.bounds, after.bounds).flatMap((keyword) => {
    const [old, fresh] = [before.bounds.get(keyword), after.bounds.get(keyword)];
    const change = difference(keyword, old, fresh);
    if (change === 0) return [];
    const kind = change > 0 ? "range-narrowed" : "range-widened";
    return [{ kind, keyword, before: shown(old), after: shown(fresh) } as const];
  });
}

/** Positive when the new bound lets fewer values pass. */
function difference(keyword: string, old: Bound | undefined, fresh: Bound | undefined): number {
  if (!old || !fresh) return Number(fresh !== undefined) - Number(old !== undefined);
  return tightness(keyword, fresh, old);
}

function shown(bound: Bound | undefined): unknown {
  return bound?.exclusive ? `exclusive ${bound.value}` : bound?.value;
}

function ruleChanges(before: Facts, after: Facts): Detail[] {
  return unionOfKeys(before.rules, after.rules).flatMap((keyword) => {
    const [old, fresh] = [before.rules.get(keyword), after.rules.get(keyword)];
    if (String(old) === String(fresh)) return [];
    const kind = old === undefined ? "rule-added" : fresh === undefined ? "rule-removed" : "rule-changed";
    return [{ kind, keyword, before: single(old), after: single(fresh) } as const];
  });
}

function single(values: readonly string[] | undefined): unknown {
  return values?.length === 1 ? values[0] : values;
}

function uniqueChanges(before: Facts, after: Facts): Detail[] {
  return before.unique === after.unique ? [] : [{ kind: after.unique ? "unique-required" : "unique-dropped" }];
}

function itemSteps({ flow, place }: BranchStep, before: Facts, after: Facts): Step[] {
  const positions = Math.max(before.prefix.length, after.prefix.length);
  const tuple = Array.from({ length: positions }, (_, index) =>
    schemaStep(before.prefix[index] ?? before.items, after.prefix[index] ?? after.items, flow, `${place}[${index}]`),
  );
  const concerned = [before, after].some(({ items }) => items !== ANYTHING);
  return concerned ? [...tuple, schemaStep(before.items, after.items, flow, `${place}[]`)] : tuple;
}

function compareConditions({ flow, place }: BranchStep, before: Facts, after: Facts): Compared {
  const changes: Change[] = [];
  const next: Step[] = [];
  for (const name of unionOfKeys(before.conditions, after.conditions)) {
    const [old, fresh] = [before.conditions.get(name), after.conditions.get(name)];
    const within = `${place}.${name}`;
    const sense = senseOf(name) * flow.sense;
    if (old && fresh) next.push(schemaStep(old, fresh, { ...flow, sense: sense as 1 | -1 | 0 }, within));
    else changes.push({ kind: fresh ? "condition-added" : "condition-removed", place: within, flow });
  }
  return { changes, next };
}

/** The keys of both, each once, in an order of their own. */
export function unionOfKeys(one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): string[] {
  return [...new Set([...one.keys(), ...other.keys()])].sort();
}

import { compare, isNode } from "./document.ts";

/** Lists in which order means nothing. */
const SETS = ["required"];

/** A copy with one order of keys, whatever the order in the sources, so that equal input gives equal bytes. */
export function canonical<T>(value: T): T;
export function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => canonical(item));
  if (!isNode(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => compare(a, b));
  return Object.fromEntries(
    entries.map(([key, child]) => [key, SETS.includes(key) ? sorted(child) : canonical(child)]),
  );
}

function sorted(value: unknown): unknown {
  // A property may be called "required" too; then it is a schema and no list.
  return Array.isArray(value) ? [...value].sort() : canonical(value);
}

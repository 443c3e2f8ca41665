import { canonical } from "../spec/canonical.ts";
import { isNode, type Node } from "../spec/document.ts";

// Documents come from elsewhere: what is not of the kind it should be counts as not written.

/** The members of a mapping that are mappings themselves. */
export function nodesIn(value: unknown): [string, Node][] {
  return entriesIn(value).filter((entry): entry is [string, Node] => isNode(entry[1]));
}

/** The members of a mapping, whatever they are. */
export function entriesIn(value: unknown): [string, unknown][] {
  return isNode(value) ? Object.entries(value) : [];
}

/** A list, or an empty one. */
export function listIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The text in a list, or a single text as a list of one. */
export function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return listIn(value).filter((item) => typeof item === "string");
}

const PROSE = ["description", "summary", "title", "example", "examples", "externalDocs", "$ref"];

/** Equal for parts that differ in prose, in the order of keys, or in what a component is called. */
export function essenceOf(value: unknown): string | undefined {
  return JSON.stringify(canonical(value), (key, child: unknown) => (PROSE.includes(key) ? undefined : child));
}

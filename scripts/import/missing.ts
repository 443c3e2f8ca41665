import type { Node } from "../spec/document.ts";

/** A kind of thing that is missing in a document, and where. */
export interface Missing {
  readonly name: string;
  readonly description: string;
  /** Where it is missing, for a reader. */
  places(document: Node): string[];
}

/** What was found missing. */
export interface MissingCount {
  readonly name: string;
  readonly description: string;
  readonly found: number;
  readonly places: readonly string[];
}

/** Looks for one kind of thing. */
export function missingIn(document: Node, { name, description, places }: Missing): MissingCount {
  const missing = places(document);
  return { name, description, found: missing.length, places: missing };
}

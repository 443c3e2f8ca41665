import { createHash } from "node:crypto";
import type { Node } from "../spec/document.ts";
import { type Facts, factsOf } from "./facts.ts";
import type { SchemaReader } from "./schema-reader.ts";
import { type Branch, type View, viewOf } from "./view.ts";

/** How far a likeness looks into a schema. It only helps to find partners; what differs deeper is found by comparing. */
const DEPTH = 3;

/** One of the two documents, with what has been read from it so far. */
export class Side {
  readonly reader: SchemaReader;
  readonly #views = new Map<Node, View>();
  readonly #facts = new Map<string, Facts>();
  readonly #likenesses = new Map<string, string>();

  constructor(reader: SchemaReader) {
    this.reader = reader;
  }

  view(schema: Node): View {
    return remember(this.#views, schema, () => viewOf(this.reader, schema));
  }

  facts(branch: Branch): Facts {
    return remember(this.#facts, branch.key, () => factsOf(this.reader, branch));
  }

  /** Equal for branches that say the same, whatever they are called. */
  likeness(branch: Branch, depth: number = DEPTH): string {
    if (depth === 0) return branch.type;
    return remember(this.#likenesses, `${depth} ${branch.key}`, () => digest(this.#portrait(branch, depth - 1)));
  }

  #portrait(branch: Branch, depth: number): unknown {
    const { bounds, rules, properties, required, conditions, additional, items, prefix, ...plain } = this.facts(branch);
    const inside = [...properties, ...conditions].map(([name, schema]) => [name, this.#likenessOf(schema, depth)]);
    return {
      ...plain,
      type: branch.type,
      rest: [additional, items, ...prefix].map((schema) => this.#likenessOf(schema, depth)),
      sets: [[...bounds], [...rules], [...required], inside].map((set) => set.map((one) => JSON.stringify(one)).sort()),
    };
  }

  #likenessOf(schema: Node, depth: number): unknown {
    const { nullable, branches } = this.view(schema);
    const initial = this.reader.annotation(schema, "default");
    return [nullable, initial, branches.map((branch) => this.likeness(branch, depth)).sort()];
  }
}

function remember<K, V>(known: Map<K, V>, key: K, make: () => V): V {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  return made;
}

function digest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("base64");
}

import { isNode, type Node } from "../spec/document.ts";
import { fail } from "../spec/problem.ts";
import type { ApiVersion } from "../versions.ts";
import { entries } from "./repairs/placed.ts";
import { METHODS } from "./shapes.ts";
import { defaultInfo } from "./vendor.ts";

/** A repaired document in its stable order, and which part of the source it is. */
export interface Part {
  readonly document: Node;
  readonly part: string;
}

/** A thing that may be described more than once: its text, and where it was seen first. */
interface Seen {
  readonly text: string;
  readonly part: string;
  readonly value: unknown;
}

/**
 * Puts the documents of a source into one. What is described twice and alike is taken once.
 *
 * @throws {@link SpecError} for what is described twice and differently, naming it and both places.
 */
export function bundle(parts: readonly Part[], version: ApiVersion, file: string): Node {
  const [first] = parts;
  if (first === undefined) return fail(file, "", "holds no description of an API");
  if (parts.length === 1) return first.document;
  return {
    openapi: first.document["openapi"],
    info: sharedInfo(parts, version),
    servers: new Collection(file).take("servers", first.document["servers"], parts),
    paths: mergedPaths(parts, file),
    components: mergedComponents(parts, file),
  };
}

/** Collects values by name, and refuses a second one that differs. */
class Collection {
  readonly #seen = new Map<string, Seen>();
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  add(name: string, value: unknown, part: string): void {
    const text = JSON.stringify(value);
    const known = this.#seen.get(name);
    if (known === undefined) this.#seen.set(name, { text, part, value });
    else if (known.text !== text)
      fail(
        this.#file,
        name,
        `is described differently ${firstDifference(known.value, value)}in ${known.part} and ${part}`,
      );
  }

  /** The one value that all parts agree on. */
  take(name: string, value: unknown, parts: readonly Part[]): unknown {
    for (const { document, part } of parts) this.add(name, document[name], part);
    return value;
  }

  values(): Map<string, unknown> {
    return new Map([...this.#seen].map(([name, { value }]) => [name, value]));
  }
}

function sharedInfo(parts: readonly Part[], version: ApiVersion): unknown {
  const texts = new Set(parts.map(({ document }) => JSON.stringify(document["info"])));
  return texts.size === 1 ? parts[0]?.document["info"] : defaultInfo(version);
}

function mergedPaths(parts: readonly Part[], file: string): Node {
  const operations = new Collection(file);
  const paths: Record<string, Node> = {};
  for (const { document, part } of parts) {
    for (const [path, item] of entries(document["paths"])) {
      for (const [method, operation] of entries(item)) {
        const name = METHODS.includes(method) ? `${method.toUpperCase()} ${path}` : `${path} ${method}`;
        operations.add(name, operation, part);
        paths[path] = { ...paths[path], [method]: operation };
      }
    }
  }
  return paths;
}

function mergedComponents(parts: readonly Part[], file: string): Node {
  const members = new Collection(file);
  const kinds: Record<string, Node> = {};
  for (const { document, part } of parts) {
    for (const [kind, named] of entries(document["components"])) {
      kinds[kind] ??= {};
      for (const [name, member] of entries(named)) members.add(`components.${kind}.${name}`, member, part);
    }
  }
  for (const [place, member] of members.values()) put(kinds, place, member);
  return kinds;
}

/** `components.schemas.Task` → `kinds.schemas.Task`; a name may hold dots itself. */
function put(kinds: Record<string, Node>, place: string, member: unknown): void {
  const [, kind = "", name = ""] = /^components\.(\w+)\.(.*)$/s.exec(place) ?? [];
  const members = kinds[kind];
  if (members) members[name] = member;
}

/** `at properties.id `: where two values begin to differ; empty when it is the whole. */
function firstDifference(a: unknown, b: unknown): string {
  const trail: string[] = [];
  let [left, right] = [a, b];
  while (isNode(left) && isNode(right)) {
    const [l, r]: [Node, Node] = [left, right];
    const key = [...new Set([...Object.keys(l), ...Object.keys(r)])].find(
      (k) => JSON.stringify(l[k]) !== JSON.stringify(r[k]),
    );
    if (key === undefined) break;
    trail.push(key);
    [left, right] = [l[key], r[key]];
  }
  return trail.length === 0 ? "" : `(at ${trail.join(".")}) `;
}

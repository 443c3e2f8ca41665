import { canonical } from "../spec/canonical.ts";
import { compare, isNode, type Node } from "../spec/document.ts";
import { type Child, itemShape, keysOf, type ShapeName } from "./shapes.ts";
import type { ClassCount } from "./tally.ts";

const PROSE: ReadonlySet<string> = new Set(
  "summary description title example examples externalDocs $comment xml tags contact license termsOfService".split(" "),
);

/** Of a schema, but only a hint which alternative to try first, in names that a merge would not find. */
const HINTS: ReadonlySet<string> = new Set(["discriminator"]);

/** Shapes whose names are the vendor's own, and may begin with `x-`: properties, headers. */
const OWN_NAMES: readonly ShapeName[] = ["schema", "header", "parameter", "body", "securityScheme"];

/** Counts what has no place in a structure file. */
export class LeftBehind {
  #prose = 0;
  #extensions = 0;
  readonly #other = new Map<string, number>();

  /** Takes note of a key, and tells whether it is left behind. */
  takes(key: string, shape: ShapeName): boolean {
    if (this.takesExtension(key)) return true;
    if (shape === "schema" && !PROSE.has(key) && !HINTS.has(key)) return false;
    if (PROSE.has(key)) this.#prose += 1;
    else this.#other.set(key, (this.#other.get(key) ?? 0) + 1);
    return true;
  }

  takesExtension(key: string): boolean {
    if (!key.startsWith("x-")) return false;
    this.#extensions += 1;
    return true;
  }

  counts(): (Omit<ClassCount, "found"> & { count: { found: number } })[] {
    const other = [...this.#other].sort(([a], [b]) => compare(a, b));
    return [
      { name: "prose", description: "descriptions, titles, summaries, examples", count: { found: this.#prose } },
      { name: "extensions", description: "x- fields", count: { found: this.#extensions } },
      ...other.map(([key, found]) => ({
        name: `other-${key}`,
        description: `${key}, which is not read`,
        count: { found },
      })),
    ];
  }
}

/** True for a key of a schema that is no keyword of JSON Schema, such as `ge`. */
export function isUnknownKeyword(key: string): boolean {
  return !keysOf("schema").has(key);
}

/**
 * A copy that holds structure only, in one order whatever the order in the source: keys as in {@link keysOf}, names by
 * alphabet. Lists keep their order, except `required`. Keys of a schema that are unknown are kept, since JSON Schema has
 * many; what stands where something else is expected is kept too, for the checks to refuse. Responses get the empty
 * description that OpenAPI demands.
 */
export function structureOf(document: Node, left: LeftBehind = new LeftBehind()): Node {
  return copyNode(document, "document", left);
}

function copyNode(node: Node, shape: ShapeName, left: LeftBehind): Node {
  const known = [...keysOf(shape)].flatMap(([key, child]) =>
    Object.hasOwn(node, key) ? [[key, copy(node[key], child, left)] as const] : [],
  );
  const unknown = Object.keys(node).filter((key) => !keysOf(shape).has(key));
  const kept = unknown.filter((key) => !isBlank(key, node) && !left.takes(key, shape)).sort(compare);
  const added = shape === "response" && !Object.hasOwn(node, "$ref") ? [["description", ""] as const] : [];
  return Object.fromEntries([...known, ...kept.map((key) => [key, canonical(node[key])] as const), ...added]);
}

/** The description that was added here is no prose. */
function isBlank(key: string, node: Node): boolean {
  return key === "description" && node[key] === "";
}

function copy(value: unknown, child: Child, left: LeftBehind): unknown {
  const shape = itemShape(child);
  if (child === "set" && Array.isArray(value)) return [...value].sort();
  if (shape === undefined) return canonical(value);
  if (child.endsWith("[]")) return Array.isArray(value) ? value.map((item) => copy(item, shape, left)) : value;
  if (!isNode(value)) return value;
  return child.endsWith("{}") ? copyMap(value, shape, left) : copyNode(value, shape, left);
}

function copyMap(map: Node, shape: ShapeName, left: LeftBehind): Node {
  const names = Object.keys(map).filter((name) => OWN_NAMES.includes(shape) || !left.takesExtension(name));
  return Object.fromEntries(names.sort(compare).map((name) => [name, copy(map[name], shape, left)]));
}

import { isNode, type Node, type OpenApiDocument } from "./document.ts";

/** A `$ref` and the JSON path at which it is written. */
export interface Reference {
  readonly target: string;
  readonly place: string;
}

/** Every `$ref` below a value, whatever kind of component it points to. */
export function* referencesIn(value: unknown, place = ""): Generator<Reference> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, child] of Object.entries(value)) {
    if (key === "$ref" && typeof child === "string") yield { target: child, place };
    else yield* referencesIn(child, place === "" ? key : `${place}.${key}`);
  }
}

/** What a local reference (`#/components/…`) points to; undefined when it points to nothing. */
export function lookUp(document: Node, target: string): unknown {
  if (!target.startsWith("#/")) return undefined;
  const keys = target.slice(2).split("/").map(unescapePointer);
  return keys.reduce<unknown>(
    (node, key) => (isNode(node) && Object.hasOwn(node, key) ? node[key] : undefined),
    document,
  );
}

/** Names of the component schemas that can be reached from the given parts, through any number of references. */
export function reachableSchemas(document: OpenApiDocument, parts: readonly unknown[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const queue = [...referencesIn(parts)];
  for (const { target } of queue) {
    if (seen.has(target)) continue;
    seen.add(target);
    queue.push(...referencesIn(lookUp(document, target)));
  }
  return new Set([...seen].flatMap(schemaName));
}

/** A copy in which every `$ref` is rewritten. */
export function mapReferences<T>(value: T, rewrite: (target: string) => string): T;
export function mapReferences(value: unknown, rewrite: (target: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => mapReferences(item, rewrite));
  if (!isNode(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) =>
      key === "$ref" && typeof child === "string" ? [key, rewrite(child)] : [key, mapReferences(child, rewrite)],
    ),
  );
}

function schemaName(target: string): string[] {
  const prefix = "#/components/schemas/";
  return target.startsWith(prefix) ? [unescapePointer(target.slice(prefix.length))] : [];
}

function unescapePointer(key: string): string {
  return key.replace(/~1/g, "/").replace(/~0/g, "~");
}

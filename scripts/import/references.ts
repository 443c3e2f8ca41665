import { isNode, type Node, type OpenApiDocument } from "../spec/document.ts";
import type { Problem } from "../spec/problem.ts";
import { lookUp, mapReferences, referencesIn } from "../spec/references.ts";

/** Where the schemas are, as references write it. */
export const SCHEMAS = "#/components/schemas/";

/** References that lead nowhere in their own document: to nothing, or to another one. */
export function deadReferences(document: OpenApiDocument, file: string): Problem[] {
  return [...referencesIn(document)]
    .filter(({ target }) => lookUp(document, target) === undefined)
    .map(({ target, place }) => ({ file, place, message: why(target) }));
}

function why(target: string): string {
  return target.startsWith("#/")
    ? `refers to ${target}, which is not there; the source is incomplete`
    : `refers to ${target}, outside of the file; bundle the source into one file first`;
}

/** How often each target is referred to. */
export function referenceCounts(document: Node): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { target } of referencesIn(document)) counts.set(target, (counts.get(target) ?? 0) + 1);
  return counts;
}

/** Everything that can be reached from a part of the document, as the targets of references. */
export function reachedFrom(document: OpenApiDocument, part: unknown): ReadonlySet<string> {
  const seen = new Set<string>();
  const queue = [...referencesIn(part)];
  for (const { target } of queue) {
    if (seen.has(target)) continue;
    seen.add(target);
    for (const reference of referencesIn(lookUp(document, target))) queue.push(reference);
  }
  return seen;
}

/** Gives schemas other names, everywhere. */
export function renameSchemas(document: OpenApiDocument, names: ReadonlyMap<string, string>): OpenApiDocument {
  const renamed = mapReferences(document, (target) => {
    const name = target.startsWith(SCHEMAS) ? names.get(fromPointer(target.slice(SCHEMAS.length))) : undefined;
    return name === undefined ? target : `${SCHEMAS}${toPointer(name)}`;
  });
  const { schemas } = renamed.components;
  if (!isNode(schemas)) return renamed;
  const entries = Object.entries(schemas).map(([name, schema]) => [names.get(name) ?? name, schema] as const);
  return { ...renamed, components: { ...renamed.components, schemas: Object.fromEntries(entries) } };
}

/** `a/b` → `a~1b`, as a reference writes it. */
export function toPointer(name: string): string {
  return name.replace(/~/g, "~0").replace(/\//g, "~1");
}

function fromPointer(name: string): string {
  return name.replace(/~1/g, "/").replace(/~0/g, "~");
}

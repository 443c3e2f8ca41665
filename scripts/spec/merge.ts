import type { ApiVersion, Service } from "../versions.ts";
import { canonical } from "./canonical.ts";
import { type Components, isNode, type Node, type OpenApiDocument } from "./document.ts";
import { fail } from "./problem.ts";
import { mapReferences } from "./references.ts";

/** A version, checked and complete, ready to be merged. */
export interface VersionDocument {
  readonly version: ApiVersion;
  readonly document: OpenApiDocument;
}

/**
 * Puts all versions of a vendor into one document below one server. Everything gets its version's prefix, also what is equal
 * today: sharing it would rename types when the vendor edits one side. Only the security schemes are shared.
 */
export function merge(
  parts: readonly VersionDocument[],
  { title, server }: Omit<Service, "versions">,
): OpenApiDocument {
  const sorted = parts.toSorted((a, b) => (a.version.name < b.version.name ? -1 : 1));
  const prefixed = sorted.map(withPrefixes);
  return canonical({
    openapi: "3.1.0",
    info: { title, version: sorted.map(versionLabel).join(", ") },
    servers: [{ url: server }],
    paths: Object.assign({}, ...prefixed.map(({ paths }) => paths)),
    components: mergeComponents(
      prefixed.map(({ components }) => components),
      sorted,
    ),
  });
}

function withPrefixes({ version, document }: VersionDocument): OpenApiDocument {
  const prefix = version.name.toUpperCase();
  const renamed = mapReferences(document, (target) =>
    target.replace(/^#\/components\/(\w+)\//, `#/components/$1/${prefix}`),
  );
  return {
    ...renamed,
    paths: prefixPaths(renamed.paths, version.name),
    components: prefixComponents(renamed.components, prefix),
  };
}

function prefixPaths(paths: OpenApiDocument["paths"], name: string): OpenApiDocument["paths"] {
  return mapEntries(paths, (path, item) => [
    `/${name}${path}`,
    mapEntries(item, (method, operation) => [
      method,
      {
        ...operation,
        operationId: `${name}_${operation.operationId}`,
        tags: operation.tags?.map((tag) => `${name} ${tag}`) ?? [],
      },
    ]),
  ]);
}

function prefixComponents(components: Components, prefix: string): Components {
  return mapEntries(components, (kind, members) => [
    kind,
    kind === "securitySchemes" || !isNode(members)
      ? members
      : mapEntries(members, (name, member) => [prefix + name, member]),
  ]);
}

function mergeComponents(all: readonly Components[], parts: readonly VersionDocument[]): Components {
  const result: Record<string, Node> = {};
  for (const [index, components] of all.entries()) {
    for (const [kind, members] of Object.entries(components)) {
      if (isNode(members)) result[kind] = mergeKind(result[kind] ?? {}, members, kind, parts[index]);
    }
  }
  return result;
}

function mergeKind(target: Node, members: Node, kind: string, part: VersionDocument | undefined): Node {
  const clash = Object.keys(members).find((name) => name in target && !same(target[name], members[name]));
  if (clash === undefined) return { ...target, ...members };
  const file = part?.version.structure ?? "";
  return fail(file, `components.${kind}.${clash}`, "differs from another version's, but is shared; make them equal");
}

function versionLabel({ version, document }: VersionDocument): string {
  return `${version.name} ${document.info.version}`;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));
}

function mapEntries<T, U>(record: Record<string, T>, map: (key: string, value: T) => [string, U]): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => map(key, value)));
}

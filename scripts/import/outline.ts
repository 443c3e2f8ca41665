import { isNode, type Node } from "../spec/document.ts";
import { entries, operationNodes } from "./repairs/placed.ts";
import { type Context, refuse } from "./repairs/repair.ts";

/**
 * Checks that a document is a description in OpenAPI 3.1 at all, before anything is repaired in it. An empty `components` is
 * taken for none.
 *
 * @throws {@link SpecError} naming what is missing.
 */
export function assertOutline(document: Node, context: Context): void {
  assertVersion(document, context);
  assertPaths(document, context);
  assertComponents(document, context);
}

function assertVersion({ openapi, swagger }: Node, context: Context): void {
  if (typeof openapi === "string" && /^3\.1\.\d+$/.test(openapi)) return;
  if (openapi === undefined && swagger === undefined)
    refuse(context, "openapi", 'is missing; a description must begin with "openapi: 3.1.0"');
  const said = swagger === undefined ? `OpenAPI ${String(openapi).slice(0, 20)}` : "Swagger";
  refuse(context, "openapi", `is ${said}, but only 3.1.x is understood; convert the file first`);
}

function assertPaths(document: Node, context: Context): void {
  const { paths } = document;
  if (!isNode(paths)) refuse(context, "paths", "is missing; there are no operations");
  for (const [path, item] of Object.entries(paths)) assertPath(path, item, context);
  if (operationNodes(document).length === 0) refuse(context, "paths", "holds no operations");
}

function assertPath(path: string, item: unknown, context: Context): void {
  if (!path.startsWith("/") && !path.startsWith("x-"))
    refuse(context, `paths.${path}`, "is no path; it must begin with /");
  if (!isNode(item)) refuse(context, path, "holds no operations; write get, post, … as mappings");
  for (const key of ["$ref", "servers"]) if (key in item) refuse(context, path, `has ${key}, which is not understood`);
  for (const { node, key } of operationNodes({ paths: { [path]: item } }))
    if ("servers" in node) refuse(context, key, "has servers of its own, which is not understood");
  const odd = entries(item).find(([method, operation]) => isMethodLike(method) && !isNode(operation));
  if (odd) refuse(context, `${odd[0].toUpperCase()} ${path}`, "is no operation; write it as a mapping");
}

function isMethodLike(key: string): boolean {
  return !["summary", "description", "parameters"].includes(key) && !key.startsWith("x-");
}

function assertComponents(document: Node, context: Context): void {
  document["components"] ??= {};
  const { components } = document;
  if (!isNode(components)) refuse(context, "components", "is no mapping; write schemas, … under it");
  for (const [kind, members] of Object.entries(components)) {
    if (members === null) delete components[kind];
    else if (!isNode(members) && !kind.startsWith("x-"))
      refuse(context, `components.${kind}`, "is no mapping; write one entry per name");
  }
}

import { isNode, type Node } from "../../spec/document.ts";
import { lookUp } from "../../spec/references.ts";
import { nodesOf } from "../visit.ts";
import { operationNodes } from "./placed.ts";
import type { Context, Repair } from "./repair.ts";

type Key = Context["version"]["key"];

/** `tags: [[subpackage_tasks]]` → `tags: [Tasks]`. */
export const nestedTags: Repair = {
  name: "nested-tags",
  description: "operations whose tags are lists in a list",
  repair: (document) => {
    const nested = nodesOf(document, "operation").filter(
      ({ node: { tags } }) => Array.isArray(tags) && tags.some(Array.isArray),
    );
    for (const { node } of nested) node["tags"] = [node["tags"]].flat(Number.POSITIVE_INFINITY).map(plainTag);
    return { found: nested.length };
  },
};

/** A required header parameter with the key on every operation → one security scheme, and `security`. */
export const keyParameters: Repair = {
  name: "key-parameter",
  description: "operations that take the key as a header parameter",
  repair: (document, { version: { key } }) => {
    const scheme = existingScheme(document, key) ?? key.scheme;
    const isKey = (parameter: unknown): boolean => sendsKey(resolved(document, parameter), key);
    const keyed = nodesOf(document, "operation").filter(({ node }) => parametersOf(node).some(isKey));
    for (const { node } of keyed) toSecurity(node, scheme, isKey);
    if (keyed.length > 0) declareScheme(document, scheme, key);
    return { found: keyed.length };
  },
};

/** `get-task-tasks-task-id-get` → `get_task_tasks__task_id__get`, as the vendor's framework names it. */
export const kebabIds: Repair = {
  name: "kebab-operation-ids",
  description: "operationIds in kebab case",
  repair: (document) => {
    let found = 0;
    for (const { node, method, path } of operationNodes(document)) {
      const id = node["operationId"];
      if (typeof id !== "string" || !/^[\w]+(-[\w]+)+$/.test(id)) continue;
      node["operationId"] = snakeId(id, method, path);
      found += 1;
    }
    return { found };
  },
};

/** Parameters that stand on a path, for all of its operations → on each operation. */
export const pathParameters: Repair = {
  name: "path-level-parameters",
  description: "paths with parameters for all of their operations",
  repair: (document) => {
    const shared = nodesOf(document, "pathItem").filter(({ node }) => Array.isArray(node["parameters"]));
    for (const { node } of shared) handDown(node);
    return { found: shared.length };
  },
};

/** One `security` for the whole document → on each operation that has none. */
export const documentSecurity: Repair = {
  name: "document-security",
  description: "security declared for the whole document",
  repair: (document) => {
    const { security } = document;
    if (security === undefined) return { found: 0 };
    for (const { node } of nodesOf(document, "operation")) node["security"] ??= structuredClone(security);
    delete document["security"];
    return { found: 1 };
  },
};

function plainTag(tag: unknown): unknown {
  if (typeof tag !== "string" || !tag.startsWith("subpackage_")) return tag;
  const words = tag.slice("subpackage_".length).replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function parametersOf(node: Node): readonly unknown[] {
  return Array.isArray(node["parameters"]) ? node["parameters"] : [];
}

/** A parameter may be written once for all operations, under `components`. */
function resolved(document: Node, parameter: unknown): unknown {
  const reference = isNode(parameter) ? parameter["$ref"] : undefined;
  return typeof reference === "string" ? lookUp(document, reference) : parameter;
}

/** True for a parameter, or a security scheme, that is the header with the key. */
function sendsKey(value: unknown, { header }: Key): boolean {
  if (!isNode(value) || value["in"] !== "header") return false;
  return String(value["name"]).toLowerCase() === header.toLowerCase();
}

function existingScheme({ components }: Node, key: Key): string | undefined {
  const schemes = isNode(components) && isNode(components["securitySchemes"]) ? components["securitySchemes"] : {};
  return Object.keys(schemes).find((name) => sendsKey(schemes[name], key));
}

function toSecurity(operation: Node, scheme: string, isKey: (parameter: unknown) => boolean): void {
  const others = parametersOf(operation).filter((parameter) => !isKey(parameter));
  if (others.length > 0) operation["parameters"] = others;
  else delete operation["parameters"];
  operation["security"] ??= [{ [scheme]: [] }];
}

function declareScheme(document: Node, scheme: string, { header }: Key): void {
  const components = isNode(document["components"]) ? document["components"] : {};
  const schemes = isNode(components["securitySchemes"]) ? components["securitySchemes"] : {};
  document["components"] = components;
  components["securitySchemes"] = schemes;
  schemes[scheme] ??= { type: "apiKey", in: "header", name: header };
}

function snakeId(id: string, method: string, path: string): string {
  const words = path.split(/\W+/).filter(Boolean).join("-").replaceAll("_", "-");
  const tail = `-${words}-${method}`;
  if (!id.endsWith(tail)) return id.replaceAll("-", "_");
  return `${id.slice(0, -tail.length)}${path.replace(/\W/g, "_")}_${method}`.replaceAll("-", "_");
}

function handDown(item: Node): void {
  const shared = parametersOf(item);
  delete item["parameters"];
  for (const { node } of nodesOf({ paths: { "/": item } }, "operation")) {
    const own = parametersOf(node);
    const missing = shared.filter((parameter) => !own.some((other) => identity(other) === identity(parameter)));
    if (missing.length > 0) node["parameters"] = [...structuredClone(missing), ...own];
  }
}

function identity(parameter: unknown): string {
  return isNode(parameter) ? JSON.stringify([parameter["$ref"], parameter["in"], parameter["name"]]) : "";
}

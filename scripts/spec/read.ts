import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { isNode, type Node, type OpenApiDocument } from "./document.ts";
import { fail } from "./problem.ts";

/**
 * Reads a YAML file that must hold one mapping. Keys given twice are refused.
 *
 * @throws {@link SpecError} naming the file, and the line where the text is no YAML.
 */
export async function readYaml(root: string, file: string): Promise<Node> {
  return parseYaml(await readText(root, file), file);
}

/** Checks that a mapping has the outline of an OpenAPI document; its content is checked later. */
export function asDocument(node: Node, file: string): OpenApiDocument {
  if (typeof node["openapi"] !== "string")
    fail(file, "", 'is no OpenAPI document; it must begin with "openapi: 3.1.0"');
  if (!isNode(node["info"])) fail(file, "info", "is missing; give a title and a version");
  if (!isNode(node["paths"])) fail(file, "paths", "is missing; list the operations under it");
  for (const [path, item] of Object.entries(node["paths"])) assertPathItem(item, path, file);
  // The outline was checked just above; every part beyond it is read as optional.
  return { components: {}, servers: [], ...node } as unknown as OpenApiDocument;
}

function assertPathItem(item: unknown, path: string, file: string): void {
  const whole = isNode(item) && Object.values(item).every((operation) => isNode(operation) || Array.isArray(operation));
  if (!whole) fail(file, path, "holds something else than operations; write get, post, … as mappings");
}

function parseYaml(text: string, file: string): Node {
  const document = parseDocument(text, { prettyErrors: true });
  const [error] = document.errors;
  if (error) fail(file, `line ${error.linePos?.[0].line ?? 1}`, `is no YAML (${firstLine(error.message)}); correct it`);
  // Aliases are ours, written by hand in the overlays: the guard against hostile ones would only count them.
  const value: unknown = document.toJS({ maxAliasCount: -1 });
  return isNode(value) ? value : fail(file, "", "holds no mapping; is it the right file?");
}

async function readText(root: string, file: string): Promise<string> {
  try {
    return await readFile(join(root, file), "utf8");
  } catch {
    return fail(file, "", "cannot be read; add it, or correct its name in scripts/versions.ts");
  }
}

function firstLine(message: string): string {
  return (message.split("\n")[0] ?? message).replace(/ at line \d+, column \d+:?$/, "");
}

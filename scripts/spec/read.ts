import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { isNode, type Node, type OpenApiDocument } from "./document.ts";
import { MAX_FILE_BYTES } from "./guard.ts";
import { fail } from "./problem.ts";
import { parseMapping } from "./yaml.ts";

const UNREADABLE = "cannot be read; add it, or correct its name in scripts/versions.ts";

/**
 * Reads a YAML or JSON file that must hold one mapping. In YAML, keys given twice are refused.
 *
 * @param remedy what to say of a file that cannot be read.
 * @throws {@link SpecError} naming the file, and the line where the text is no YAML.
 */
export async function readYaml(root: string, file: string, remedy: string = UNREADABLE): Promise<Node> {
  return parseMapping(await readText(root, file, remedy), file);
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

async function readText(root: string, file: string, remedy: string): Promise<string> {
  const path = resolve(root, file);
  const size = await stat(path).then(
    (found) => (found.isFile() ? found.size : undefined),
    () => undefined,
  );
  if (size === undefined) return fail(file, "", remedy);
  if (size > MAX_FILE_BYTES)
    return fail(file, "", `has ${megabytes(size)} MB; at most ${megabytes(MAX_FILE_BYTES)} are read`);
  return await readFile(path, "utf8").catch(() => fail(file, "", remedy));
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1_000_000);
}

import { type Document, isAlias, isCollection, isMap, isScalar, parseDocument, visit, type YAMLMap } from "yaml";
import { isNode, type Node } from "./document.ts";
import { assertSane } from "./guard.ts";
import { fail } from "./problem.ts";
import { assertParseable } from "./tokens.ts";

/** Resolving an alias searches all before it; a document written by hand stays far below this. */
const MAX_ALIASES = 10_000;

/**
 * Reads text that must hold one mapping, in YAML or JSON. In YAML, keys given twice are refused.
 *
 * Hostile text ends here in an error: aliases that multiply, a mapping inside itself, endless nesting.
 *
 * @throws {@link SpecError} naming the file, and the line where the text is no YAML.
 */
export function parseMapping(text: string, file: string): Node {
  const value = json(text) ?? yaml(text, file);
  if (!isNode(value)) fail(file, "", "holds no mapping; is it the right file?");
  assertSane(value, file);
  return value;
}

/** JSON is read by its own parser, which is many times faster. What is no JSON may still be YAML. */
function json(text: string): unknown {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function yaml(text: string, file: string): unknown {
  assertParseable(text, file);
  // The library compares every key of a mapping with every other; `assertUniqueKeys` does it in one pass.
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: false, logLevel: "error" });
  const [error] = document.errors;
  if (error) refuse(error.message, lineAt(text, error.pos[0]), file);
  inspect(document, text, file);
  // Aliases may be used freely up to here: they share what they name, and `assertSane` counts what they multiply to.
  return document.toJS({ maxAliasCount: -1 });
}

/** What the library would find only slowly, or only when it writes the aliases out. */
function inspect(document: Document.Parsed, text: string, file: string): void {
  const anchors = new Set<string>();
  let aliases = 0;
  visit(document, (_key, node) => {
    if (isMap(node)) assertUniqueKeys(node, text, file);
    if (isNodeWithAnchor(node)) anchors.add(node.anchor);
    if (!isAlias(node)) return;
    aliases += 1;
    if (aliases > MAX_ALIASES) fail(file, "", `has more than ${MAX_ALIASES} aliases; write out what they name`);
    if (!anchors.has(node.source)) refuse(`Unresolved alias ${node.source}`, lineAt(text, node.range?.[0] ?? 0), file);
  });
}

function isNodeWithAnchor(node: unknown): node is { anchor: string } {
  return (isScalar(node) || isCollection(node)) && node.anchor !== undefined;
}

function assertUniqueKeys({ items }: YAMLMap, text: string, file: string): void {
  const seen = new Set<unknown>();
  for (const { key } of items) {
    if (!isScalar(key)) continue;
    if (seen.has(key.value)) refuse("Map keys must be unique", lineAt(text, key.range?.[0] ?? 0), file);
    seen.add(key.value);
  }
}

function refuse(said: string, line: number, file: string): never {
  if (said.startsWith("Maximum call stack")) fail(file, `line ${line}`, "is nested too deeply; is it the right file?");
  return fail(file, `line ${line}`, `is no YAML (${said.split("\n")[0]}); correct it`);
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

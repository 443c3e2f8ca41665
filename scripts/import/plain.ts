import { isNode, type Node } from "../spec/document.ts";
import { fail } from "../spec/problem.ts";
import { parseMapping } from "../spec/yaml.ts";
import { isJson, parseJson } from "./json.ts";

/** YAML cannot write longer keys on one line, and no name of an API is that long. */
const MAX_KEY = 500;
const MAX_TEXT = 64_000_000;

/**
 * Reads one YAML mapping as plain JSON, with every alias written out.
 *
 * @throws {@link SpecError} naming the line where the text is no YAML, or what makes it no JSON.
 */
export function plainMapping(text: string, file: string): Node {
  const value = isJson(text) ? asMapping(parseJson(text, file), file) : parseMapping(text, file);
  assertPlain(value, file);
  return JSON.parse(asText(value, file)) as Node; // what was a mapping is one still
}

/** @throws {@link SpecError} for a list, or a single value. */
export function asMapping(value: unknown, file: string): Node {
  return isNode(value) ? value : fail(file, "", "holds no mapping; is it the right file?");
}

/**
 * Refuses what JSON has no word for (infinity, sets), and keys that would be mistaken for something else.
 *
 * @throws {@link SpecError} naming the place.
 */
export function assertPlain(value: unknown, file: string, place = ""): void {
  if (typeof value === "number" && !Number.isFinite(value)) fail(file, place, `is ${value}, which JSON cannot say`);
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value) && !isMapping(value)) fail(file, place, "is neither a mapping nor a list; write it as one");
  for (const [key, child] of Object.entries(value)) {
    const here = place === "" ? key.slice(0, MAX_KEY) : `${place}.${key.slice(0, MAX_KEY)}`;
    if (key === "__proto__") fail(file, here, "is a name that no tool handles; rename it");
    if (key.length > MAX_KEY) fail(file, `${here.slice(0, 80)}…`, `is a name of more than ${MAX_KEY} characters`);
    assertPlain(child, file, here);
  }
}

function isMapping(value: object): boolean {
  return isNode(value) && (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null);
}

/** Refused before it is written out: shared parts take no memory until then. */
function asText(value: unknown, file: string): string {
  if (textLength(value) > MAX_TEXT)
    fail(file, "", `has more than ${MAX_TEXT / 1_000_000} MB once its aliases are written out; use fewer of them`);
  return JSON.stringify(value);
}

/** How much text a value holds; stops counting beyond the limit. */
function textLength(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 1;
  let sum = 0;
  for (const [key, child] of Object.entries(value)) {
    sum += key.length + textLength(child);
    if (sum > MAX_TEXT) return sum;
  }
  return sum;
}

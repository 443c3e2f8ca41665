import { fail } from "../spec/problem.ts";

/** Deeper than this, no description of an API is nested. */
const MAX_DEPTH = 200;

/** A bracket, or a string from its first quote to after its last. */
interface Token {
  readonly kind: string;
  readonly start: number;
  readonly end: number;
}

/**
 * Reads JSON. A key given twice is refused: the parser would silently keep the last one, and an operation would be lost.
 *
 * @throws {@link SpecError} naming the line.
 */
export function parseJson(text: string, file: string): unknown {
  assertShallow(text, file);
  const value = parsed(text, file);
  assertUniqueKeys(text, file);
  return value;
}

/** True for text that is JSON beyond doubt: what begins like it may still be YAML. */
export function isJson(text: string): boolean {
  if (!/^\s*\{/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const end = text.trimEnd().length;
    const offset = Number(/at position (\d+)/.exec(said)?.[1] ?? end);
    const message = offset >= end ? "ends in the middle of the JSON; it is cut short" : noJson(said);
    return fail(file, `line ${lineAt(text, offset)}`, message);
  }
}

function noJson(said: string): string {
  return `is no JSON (${said.replace(/( in JSON)? at position.*/s, "").replace(/\s+/g, " ")}); correct it`;
}

/** Before parsing: endless nesting would end in a stack overflow somewhere. */
function assertShallow(text: string, file: string): void {
  let depth = 0;
  for (const { kind, start } of tokens(text)) {
    if (kind === "{" || kind === "[") depth += 1;
    else if (kind !== '"') depth -= 1;
    if (depth > MAX_DEPTH) fail(file, `line ${lineAt(text, start)}`, `is nested more than ${MAX_DEPTH} levels deep`);
  }
}

function assertUniqueKeys(text: string, file: string): void {
  const open: Set<string>[] = [];
  for (const { kind, start, end } of tokens(text)) {
    if (kind === "{" || kind === "[") open.push(new Set());
    else if (kind !== '"') open.pop();
    else if (isKey(text, end)) {
      const key = String(JSON.parse(text.slice(start, end)));
      const keys = open.at(-1);
      if (keys?.has(key)) fail(file, `line ${lineAt(text, start)}`, `has the key "${key}" twice; remove one`);
      keys?.add(key);
    }
  }
}

/** By hand: a regular expression takes quadratic time on quotes that are never closed. */
function* tokens(text: string): Generator<Token> {
  for (let start = 0; start < text.length; start++) {
    const kind = text.charAt(start);
    if (kind === '"') {
      const end = endOfString(text, start);
      yield { kind, start, end };
      start = end - 1;
    } else if ("{}[]".includes(kind)) yield { kind, start, end: start + 1 };
  }
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '"') return at + 1;
    if (character === "\\") at += 1;
  }
  return text.length;
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (" \t\n".includes(text.charAt(at)) && at < text.length) at += 1;
  return text.charAt(at) === ":";
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

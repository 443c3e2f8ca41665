import { basename } from "node:path";
import { isNode, type Node } from "../spec/document.ts";
import type { ApiVersion } from "../versions.ts";
import { blockScalar, scalar } from "./scalar.ts";

/** As in the rest of the project. */
const WIDTH = 120;

/**
 * The text of a structure file: YAML as formatters write it, with small things on one line. The same document gives the
 * same bytes.
 */
export function layout(document: Node, version: ApiVersion): string {
  const lines = Object.entries(document).flatMap(([key, value]) => block(`${blockScalar(key)}:`, value, 0));
  return `${header(version)}\n${lines.join("\n")}\n`;
}

function header({ title, overlays }: ApiVersion): string {
  return [
    `# ${title}: the structure of the wire and nothing else (paths, types, lists, defaults, limits).`,
    `# What is ours, such as summaries, undeclared errors and repairs, is in ${overlays.map((file) => basename(file)).at(-1)}; where facts are from, in SOURCES.md.`,
    "",
  ].join("\n");
}

/** The lines of `label value`, the value below its label unless it is a single thing. */
function block(label: string, value: unknown, indent: number): string[] {
  if (isSingle(value)) return singleLine(label, value, indent);
  return [spaces(indent) + label, ...contents(value, indent + 2)];
}

function singleLine(label: string, value: unknown, indent: number): string[] {
  const line = `${spaces(indent)}${label} ${single(value)}`;
  const broken = line.length > WIDTH && typeof value === "object" && value !== null;
  return broken ? [spaces(indent) + label, spaces(indent + 2) + single(value)] : [line];
}

/** The lines of `label value`, on one line when the value is small. */
function entry(label: string, value: unknown, indent: number): string[] {
  if (!isFlat(value)) return block(label, value, indent);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{ ", " }"];
  const parts = members(value);
  const line = `${open}${parts.join(", ")}${close}`;
  const here = `${spaces(indent)}${label} ${line}`;
  if (here.length <= WIDTH) return [here];
  const inItem = label === "-";
  const below = indent + 2;
  if (!inItem && below + line.length <= WIDTH) return [spaces(indent) + label, spaces(below) + line];
  const opening = inItem
    ? [`${spaces(indent)}- ${open.trim()}`]
    : [spaces(indent) + label, spaces(below) + open.trim()];
  return [...opening, ...parts.map((part) => `${spaces(below + 2)}${part},`), spaces(below) + close.trim()];
}

function contents(value: unknown, indent: number): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => listItem(item, indent));
  if (!isNode(value)) return [];
  return Object.entries(value).flatMap(([key, child]) => entry(`${blockScalar(key)}:`, child, indent));
}

/** A mapping or list in a list begins on the line of its dash. */
function listItem(item: unknown, indent: number): string[] {
  if (isSingle(item) || isFlatMapping(item)) return entry("-", item, indent);
  const [first = "", ...rest] = contents(item, indent + 2);
  return [`${spaces(indent)}- ${first.trimStart()}`, ...rest];
}

/** Something without parts, empty mappings and lists included. */
function isSingle(value: unknown): boolean {
  return typeof value !== "object" || value === null || Object.keys(value).length === 0;
}

/** Something all of whose parts are scalars: small enough for one line. */
function isFlat(value: unknown): value is Node | unknown[] {
  return !isSingle(value) && Object.values(value as object).every((part) => typeof part !== "object" || part === null);
}

function isFlatMapping(value: unknown): boolean {
  return isNode(value) && isFlat(value);
}

function members(value: Node | unknown[]): string[] {
  if (Array.isArray(value)) return value.map(scalar);
  return Object.entries(value).map(([key, part]) => `${scalar(key)}: ${scalar(part)}`);
}

function single(value: unknown): string {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "[]" : "{}";
  return blockScalar(value);
}

function spaces(count: number): string {
  return " ".repeat(count);
}

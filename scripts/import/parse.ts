import type { Node } from "../spec/document.ts";
import { assertSane } from "../spec/guard.ts";
import { fail } from "../spec/problem.ts";
import { type Parsed, parseIsolated } from "./isolated.ts";
import { parseJson } from "./json.ts";
import { type CodeBlock, openApiBlocks } from "./page.ts";
import { asMapping, assertPlain } from "./plain.ts";

/** What a source is written in. */
export type Format = "json" | "yaml" | "page";

/** A document of a source: the whole of it, or one of many. */
export interface Fragment {
  readonly document: Node;
  /** Which it is: `fragment 3 (line 72)`; empty when there is one only. */
  readonly part: string;
  /** The address that the page names above it. */
  readonly address: string | undefined;
}

/** A source, read but not repaired. */
export interface Source {
  readonly format: Format;
  readonly fragments: readonly Fragment[];
}

const MAX_FRAGMENTS = 10_000;

/**
 * Reads a description in JSON or YAML (one document, or several), or a Markdown page with one per operation.
 *
 * @throws {@link SpecError} naming the line that cannot be read.
 */
export async function parseSource(text: string, file: string): Promise<Source> {
  if (looksLikeJson(text, file)) return { format: "json", fragments: [whole(fromJson(text, file))] };
  const blocks = looksLikeYaml(text, file) ? [] : openApiBlocks(text);
  if (blocks.length > 0) return { format: "page", fragments: await fromBlocks(blocks, file) };
  if (!isYaml(text, file)) fail(file, "", "holds no OpenAPI, neither as JSON or YAML nor in the code blocks of a page");
  return { format: "yaml", fragments: await fromBlocks(yamlDocuments(text), file) };
}

/** By its name, or by what every description has. */
function isYaml(text: string, file: string): boolean {
  return /\.ya?ml$/.test(file) || /^["']?(?:openapi|swagger|info|paths|components)["']?\s*:/m.test(text);
}

function looksLikeJson(text: string, file: string): boolean {
  return file.endsWith(".json") || (/^\s*[{[]/.test(text) && !/\.ya?ml$/.test(file));
}

/** Also by its first line: the descriptions in a YAML file may hold code blocks of their own. */
function looksLikeYaml(text: string, file: string): boolean {
  if (/\.ya?ml$/.test(file)) return true;
  const first = text.split("\n", 1_000).find((line) => line.trim() !== "" && !/^(#|---|%)/.test(line));
  return first !== undefined && /^["']?openapi["']?\s*:\s*["']?\d/.test(first);
}

function fromJson(text: string, file: string): Node {
  const value = asMapping(parseJson(text, file), file);
  assertSane(value, file);
  assertPlain(value, file);
  return value;
}

function whole(document: Node): Fragment {
  return { document, part: "", address: undefined };
}

/** A YAML file may hold several documents, with `---` between them. */
function yamlDocuments(text: string): CodeBlock[] {
  const parts: { lines: string[]; line: number }[] = [{ lines: [], line: 1 }];
  for (const [index, line] of text.split("\n").entries()) {
    if (/^---(\s|$)/.test(line)) parts.push({ lines: [line.slice(3)], line: index + 1 });
    else if (!/^\.\.\.(\s|$)/.test(line)) parts.at(-1)?.lines.push(line);
  }
  return parts
    .filter(({ lines }) => lines.some((line) => /^\s*[^\s#%]/.test(line)))
    .map(({ lines, line }) => ({ text: lines.join("\n"), line, address: undefined, closed: true }));
}

async function fromBlocks(blocks: readonly CodeBlock[], file: string): Promise<Fragment[]> {
  const open = blocks.find(({ closed }) => !closed);
  if (open) fail(file, `line ${open.line - 1}`, "opens a block of code that is never closed; the page is cut short");
  if (blocks.length === 0) fail(file, "", "holds no description of an API");
  if (blocks.length > MAX_FRAGMENTS) fail(file, "", `holds more than ${MAX_FRAGMENTS} descriptions`);
  const parsed = await parseIsolated(
    blocks.map(({ text }) => text),
    file,
  );
  return blocks.map((block, index) =>
    fragmentOf(block, parsed[index], blocks.length === 1 ? "" : partName(block, index), file),
  );
}

function partName({ line }: CodeBlock, index: number): string {
  return `fragment ${index + 1} (line ${line})`;
}

function fragmentOf(block: CodeBlock, parsed: Parsed | undefined, part: string, file: string): Fragment {
  if (parsed === undefined) return fail(file, part, "cannot be read");
  if ("problem" in parsed) return fail(file, placeOf(parsed.problem.place, block, part), parsed.problem.message);
  return { document: parsed.value as Node, part, address: block.address }; // the parser takes mappings only
}

/** A line within a block, as a line of the whole file; any other place, in its part. */
function placeOf(place: string, { line }: CodeBlock, part: string): string {
  const [, within] = /^line (\d+)$/.exec(place) ?? [];
  return within === undefined ? [part, place].filter(Boolean).join(": ") : `line ${line - 1 + Number(within)}`;
}

/** A block of code on a page. */
export interface CodeBlock {
  /** As written, without the indentation of the fence. */
  readonly text: string;
  /** Line of its first character, from 1. */
  readonly line: number;
  /** The address that the page names above it (`GET https://…`); undefined when it names none. */
  readonly address: string | undefined;
  /** False when the page ends before the block does. */
  readonly closed: boolean;
}

interface Fence {
  readonly mark: string;
  readonly indent: number;
  readonly line: number;
}

const OPENING = /^([ \t]*)(`{3,}|~{3,})[^`]*$/;
const REQUEST = /^\s*(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|TRACE)\s+(https?:\/\/\S+)/;

/** The fenced code blocks of a Markdown page that are descriptions in OpenAPI; other examples are passed over. */
export function openApiBlocks(page: string): CodeBlock[] {
  return codeBlocks(page.split("\n")).filter(({ text }) => isOpenApi(text));
}

function codeBlocks(lines: readonly string[]): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let fence: Fence | undefined;
  let address: string | undefined;
  for (const [index, line] of lines.entries()) {
    if (fence === undefined) {
      address = REQUEST.exec(line)?.[1] ?? address;
      fence = opening(line, index);
    } else if (closes(line, fence)) {
      blocks.push(block(lines.slice(fence.line, index), fence, address, true));
      fence = undefined;
      address = undefined;
    }
  }
  return fence === undefined ? blocks : [...blocks, block(lines.slice(fence.line), fence, address, false)];
}

function block(lines: readonly string[], fence: Fence, address: string | undefined, closed: boolean): CodeBlock {
  return { text: dedented(lines, fence.indent), line: fence.line + 1, address, closed };
}

function opening(line: string, index: number): Fence | undefined {
  const [, indent = "", mark] = OPENING.exec(line) ?? [];
  return mark === undefined ? undefined : { mark, indent: indent.length, line: index + 1 };
}

function closes(line: string, { mark }: Fence): boolean {
  const trimmed = line.trim();
  return trimmed.length >= mark.length && trimmed === mark.charAt(0).repeat(trimmed.length);
}

function dedented(lines: readonly string[], indent: number): string {
  return lines.map((line) => line.slice(Math.min(indent, line.length - line.trimStart().length))).join("\n");
}

function isOpenApi(text: string): boolean {
  return (
    /^["']?(?:openapi|swagger|paths)["']?\s*:/m.test(text) || /^\s*\{\s*"(?:openapi|swagger|info|paths)"\s*:/.test(text)
  );
}

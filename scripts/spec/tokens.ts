import { CST, Lexer } from "yaml";
import { fail } from "./problem.ts";

/** Pieces of YAML text (a name, a colon, a line break); 2,000 operations have less than a million. */
const MAX_TOKENS = 2_500_000;
const MAX_DEPTH = 200;

/**
 * Refuses YAML text that would exhaust the parser, which takes a kilobyte and more per token and a stack frame per level.
 * The tokens themselves are cheap to read.
 *
 * @throws {@link SpecError} naming the file.
 */
export function assertParseable(text: string, file: string): void {
  let tokens = 0;
  let brackets = 0;
  let marksInLine = 0;
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token);
    tokens += 1;
    brackets += opens(type);
    // Within brackets the marks stand beside each other, and only brackets nest.
    marksInLine = type === "newline" ? 0 : marksInLine + (brackets > 0 ? 0 : marks(type));
    if (tokens > MAX_TOKENS) fail(file, "", "holds too much for a description of an API; is it the right file?");
    if (brackets > MAX_DEPTH || marksInLine > MAX_DEPTH)
      fail(file, "", `is nested more than ${MAX_DEPTH} levels deep; is it the right file?`);
  }
}

function opens(type: CST.TokenType | null): number {
  if (type === "flow-map-start" || type === "flow-seq-start") return 1;
  return type === "flow-map-end" || type === "flow-seq-end" ? -1 : 0;
}

/** `- - - a` nests three lists in one line; so do question marks. */
function marks(type: CST.TokenType | null): number {
  return type === "seq-item-ind" || type === "explicit-key-ind" || type === "map-value-ind" ? 1 : 0;
}

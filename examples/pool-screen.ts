import { stripVTControlCharacters } from "node:util";

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const CLEAR_TO_END = "\x1b[J";
const CLEAR_LINE = "\x1b[K";
/** Between these a terminal that knows them shows nothing half done. */
const [BEGIN, END] = ["\x1b[?2026h", "\x1b[?2026l"];

/** Where the demo shows itself: a picture that is drawn again in place on a terminal, lines everywhere else. */
export class Screen {
  readonly isLive: boolean =
    process.stdout.isTTY === true && process.env["CI"] !== "true" && process.env["TERM"] !== "dumb";
  #height = 0;

  constructor() {
    if (!this.isLive) return;
    process.stdout.write(HIDE_CURSOR);
    process.once("exit", () => process.stdout.write(SHOW_CURSOR));
  }

  /** As wide as is good to read. */
  get width(): number {
    return Math.min(process.stdout.columns || 80, 100);
  }

  /** Draws over what was drawn before. */
  draw(lines: readonly string[]): void {
    if (!this.isLive) return;
    const shown = lines.slice(0, (process.stdout.rows || 24) - 1).map((line) => cut(line, this.width) + CLEAR_LINE);
    const up = this.#height > 0 ? `\x1b[${this.#height}A\r` : "";
    process.stdout.write(`${BEGIN}${up}${shown.join("\n")}\n${CLEAR_TO_END}${END}`);
    this.#height = shown.length;
  }

  /** A line that stays, where nothing is drawn. */
  say(line: string): void {
    if (!this.isLive) console.log(stripVTControlCharacters(line));
  }

  /** Lines that stay, below everything. */
  print(lines: readonly string[]): void {
    for (const line of lines) console.log(this.isLive ? line : stripVTControlCharacters(line));
    this.#height = 0;
  }
}

/** Cuts a line at the width, and leaves what gives it colour. */
function cut(line: string, width: number): string {
  if (stripVTControlCharacters(line).length <= width) return line;
  let room = width - 1;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for.
  const parts = line.split(/(\x1b\[[\d;]*m)/);
  const kept = parts.map((part, index) => {
    if (index % 2 === 1) return part;
    const text = part.slice(0, room);
    room -= text.length;
    return text;
  });
  return `${kept.join("")}…`;
}

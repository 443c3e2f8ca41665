import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";

/** One line of a result. */
export interface Row {
  readonly what: string;
  readonly measured: string;
  /** Left out: there is none, the number is for orientation. */
  readonly goal?: string;
  readonly met?: boolean;
}

/** How a measurement is run. */
export interface BenchOptions {
  /** A few seconds, to see that it works. Its numbers mean nothing. */
  readonly quick: boolean;
}

/** A measurement: it prints what it sees on the way, and gives the lines that count. */
export type Bench = (options: BenchOptions) => Promise<readonly Row[]>;

/** Runs a measurement as a program, alone or for `run.ts`. */
export async function main(bench: Bench): Promise<void> {
  const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
  say(conditions(values.quick));
  const begun = performance.now();
  const rows = (await bench(values)).map(({ met, ...row }) =>
    values.quick || met === undefined ? row : { ...row, met },
  );
  say(`\n${rowsAsTable(rows)}\n(${((performance.now() - begun) / 1000).toFixed(0)} s)`);
  process.send?.(rows);
  if (process.connected) process.disconnect();
}

/** What the numbers depend on. */
export function conditions(quick: boolean): string {
  const [cpu] = cpus();
  const load = loadavg()[0]?.toFixed(1);
  const note = quick ? "; --quick: the numbers mean nothing" : "";
  return `node ${process.versions.node}, ${cpus().length} × ${cpu?.model.trim()}, load ${load} before the start${note}`;
}

/** The rows beside their goals. */
export function rowsAsTable(rows: readonly Row[]): string {
  const cells = rows.map(({ what, measured, goal = "", met }) => {
    return [what, measured, goal, met === undefined ? "" : met ? "met" : "NOT MET"];
  });
  return table(["what", "measured", "goal", ""], cells);
}

/** Columns of text; what looks like a number stands to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => (row[column] ?? "").length)));
  const isNumeric = head.map((_, column) => rows.every((row) => /^([-~<≤]?[\d.,]+( ?\S+)?)?$/.test(row[column] ?? "")));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

export function say(text: string): void {
  console.log(text);
}

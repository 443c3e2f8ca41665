import type { MissingCount } from "./missing.ts";
import type { Format } from "./parse.ts";
import type { Count } from "./repairs/repair.ts";
import type { ClassCount } from "./tally.ts";

/** What an import found, did, and could not do. */
export interface Report {
  readonly source: string;
  readonly format: Format;
  readonly version: string;
  /** Documents in the source; more than one are put together. */
  readonly fragments: number;
  readonly operations: number;
  readonly schemas: number;
  readonly repaired: readonly ClassCount[];
  readonly dropped: readonly ClassCount[];
  /** What the source once had, and nobody can know from the rest. */
  readonly lost: readonly MissingCount[];
  /** What `npm run generate` will ask the overlay for. */
  readonly leftToOverlay: readonly MissingCount[];
  readonly out: string;
  readonly result: "written" | "unchanged" | "dry run";
}

/** For machines. Classes that were not found are there too, with 0. */
export function asJson(report: Report): string {
  return JSON.stringify(report, null, 2);
}

/** For people. Classes that were not found are left out. */
export function asText(report: Report): string {
  const { source, format, fragments, operations, schemas, out, result } = report;
  const kind = format === "page" ? `Markdown page, ${plural(fragments, "fragment")}` : format.toUpperCase();
  return [
    `${source} (${kind}): ${plural(operations, "operation")}, ${plural(schemas, "schema")}`,
    ...section("repaired", report.repaired.filter(isRepaired).map(line)),
    ...section("left as it is", report.repaired.filter((count) => !isRepaired(count)).map(line)),
    ...section("dropped", report.dropped.map(line)),
    ...section("lost, not repaired", report.lost.map(line)),
    ...section("left to the overlay", report.leftToOverlay.map(lineWithPlaces)),
    result === "dry run" ? `dry run: ${out} is not touched` : `${result}: ${out}`,
  ].join("\n");
}

/** Some of what was found, at least. */
function isRepaired({ found, left = 0 }: Count): boolean {
  return found > left;
}

function section(heading: string, lines: readonly string[]): string[] {
  const found = lines.filter((text) => text !== "");
  return found.length === 0 ? [] : [`${heading}:`, ...found];
}

function line({ found, description, left = 0, note }: Count & { readonly description: string }): string {
  if (found === 0) return "";
  const rest = left === 0 || left === found ? "" : `; ${left} left as ${left === 1 ? "it is" : "they are"}`;
  const why = note === undefined ? "" : ` (${note})`;
  return `${String(found).padStart(6)}  ${description}${rest}${why}`;
}

/** A few places are named; more are in the JSON report. */
function lineWithPlaces(missing: MissingCount): string {
  const { places, found } = missing;
  return found === 0 ? "" : `${line(missing)}: ${places.slice(0, 3).join(", ")}${found > 3 ? ", …" : ""}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

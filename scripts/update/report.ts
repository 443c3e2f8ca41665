import { severities } from "../diff/change.ts";
import { asText as diffText } from "../diff/text.ts";
import { asText as importText } from "../import/report.ts";
import { semVerStep } from "./changelog.ts";
import type { UpdateReport, VersionReport } from "./update.ts";

/** The report for readers: what came in, what it means, what is left to do. */
export function asText(report: UpdateReport): string {
  const { versions, problems, undescribed, isGenerated, changelog } = report;
  return [
    ...versions.flatMap(section),
    "== What is left to do",
    ...list("mend", problems),
    ...list("describe, in the overlay", undescribed),
    isGenerated ? "src/generated is written." : "src/generated is as it was: mend the above, then npm run generate.",
    changelog === "written" ? "CHANGELOG.md has an entry: put it into your own words." : "CHANGELOG.md needs no entry.",
    `SemVer: ${step(versions)}`,
  ].join("\n");
}

function section({ version, imported, isChanged, findings }: VersionReport): string[] {
  const result = isChanged ? "written" : "unchanged";
  const came = importText({ ...imported, out: version.structure, result });
  return [`== ${version.title}`, came, "", diffText({ old: "before", new: "now", findings }), ""];
}

function list(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`${heading}:`, ...lines.map((line) => `  ${line}`)];
}

/** Findings come the worst first. */
function step(versions: readonly VersionReport[]): string {
  const found = new Set(versions.flatMap(({ findings }) => findings.map(({ severity }) => severity)));
  const worst = severities.find((severity) => found.has(severity));
  return worst ? semVerStep[worst] : "none: callers see no change";
}

import { compare } from "../spec/document.ts";
import { type Finding, type Severity, severities } from "./change.ts";

const MAX_OPERATIONS = 6;

/** What was compared, and what came out. */
export interface Report {
  readonly old: string;
  readonly new: string;
  readonly findings: readonly Finding[];
}

/** How often each severity was found. */
export function countsOf(findings: readonly Finding[]): Record<Severity, number> {
  const count = (severity: Severity) => findings.filter((finding) => finding.severity === severity).length;
  return { breaking: count("breaking"), risky: count("risky"), compatible: count("compatible") };
}

/** The report for readers: by severity, then by the operations concerned. */
export function asText({ old, new: fresh, findings }: Report): string {
  if (findings.length === 0) return `${old} → ${fresh}: no differences`;
  const counts = Object.entries(countsOf(findings)).map(([severity, count]) => `${count} ${severity}`);
  const sections = severities.flatMap((severity) => sectionOf(severity, findings));
  return [`${old} → ${fresh}: ${counts.join(", ")}`, ...sections].join("\n");
}

/** The report for programs: nothing is shortened. */
export function asJson({ old, new: fresh, findings }: Report): string {
  return JSON.stringify({ old, new: fresh, counts: countsOf(findings), findings }, null, 2);
}

function sectionOf(severity: Severity, findings: readonly Finding[]): string[] {
  const own = findings.filter((finding) => finding.severity === severity);
  const groups = new Map<string, Finding[]>();
  for (const finding of own) {
    const heading = headingOf(finding);
    const known = groups.get(heading);
    if (known) known.push(finding);
    else groups.set(heading, [finding]);
  }
  const lines = [...groups].flatMap(([heading, members]) => [`  ${heading}`, ...members.map(lineOf).sort(compare)]);
  return own.length === 0 ? [] : ["", severity.toUpperCase(), ...lines];
}

/** Operations that came or went are told one per line; what they are called is said there. */
function headingOf({ kind, operations }: Finding): string {
  if (kind === "operation-added" || kind === "operation-removed") return "Operations";
  if (operations.length === 0) return "Whole document";
  const more = operations.length - MAX_OPERATIONS;
  const named = operations.slice(0, MAX_OPERATIONS).join(", ");
  return more > 0 ? `${named} and ${more} more` : named;
}

function lineOf({ role, message }: Finding): string {
  return `    ${role === undefined ? "" : `${role}: `}${message}`;
}

import type { Finding, Severity } from "../diff/change.ts";
import { countsOf } from "../diff/text.ts";

const NAMED = 5;

/** What each kind of change asks of the package's version. Below 1.0.0 a breaking change raises the second number. */
export const semVerStep: Readonly<Record<Severity, string>> = {
  breaking: "major (below 1.0.0: minor)",
  risky: "minor",
  compatible: "minor",
};

/** Adds what changed in one version of an API to the changelog's newest, unreleased section; makes one where there is none. */
export function withEntry(changelog: string, title: string, findings: readonly Finding[], today: string): string {
  const entry = entryOf(title, findings, today);
  if (changelog.includes(entry)) return changelog;
  const [heading] = /^## .*unreleased.*$/im.exec(changelog) ?? [];
  if (heading) return changelog.replace(heading, `${heading}\n\n${entry}`).replace(`${entry}\n\n- `, `${entry}\n- `);
  const [start = "", ...releases] = changelog.split(/^(?=## )/m);
  return [`${start.trimEnd()}\n\n## Unreleased\n\n${entry}\n\n`, ...releases].join("").trimEnd().concat("\n");
}

function entryOf(title: string, findings: readonly Finding[], today: string): string {
  const { breaking, risky, compatible } = countsOf(findings);
  const named = findings.filter(({ severity }) => severity !== "compatible").slice(0, NAMED);
  const more = breaking + risky - named.length;
  return [
    `- ${title} as of ${today}: ${breaking} breaking, ${risky} risky, ${compatible} compatible changes.`,
    ...named.map(
      ({ severity, operations: [operation = "everywhere"], message }) => `  - ${severity}: ${operation}: ${message}`,
    ),
    ...(more > 0 ? [`  - and ${more} more`] : []),
  ].join("\n");
}

import type { Change, Severity } from "./change.ts";
import { rules } from "./rules.ts";

const MAX_LISTED = 12;
const MAX_LENGTH = 120;

/** What a change means for callers, and how to say it. */
export function judge(change: Change): { severity: Severity; message: string } {
  const { flow } = change;
  const [, sentence] = rules[change.kind][flow?.role ?? "request"];
  const said = fill(sentence, change);
  return { severity: severityOf(change), message: change.place === "" ? said : `${change.place}: ${said}` };
}

function severityOf(change: Change): Severity {
  const { role, sense } = change.flow ?? { role: "request", sense: 1 };
  if (sense === 0) return "risky";
  const { kind, ...details } = sense === 1 ? change : mirrored(change);
  const [weight] = rules[kind][role];
  return typeof weight === "function" ? weight({ kind, ...details }) : weight;
}

/** What must not match is read the other way round: there, a wider schema lets fewer values pass. */
function mirrored(change: Change): Change {
  // That every opposite is a kind is asserted by a test.
  const kind = rules[change.kind].opposite as Change["kind"];
  return { ...change, kind, before: change.after, after: change.before };
}

function fill(sentence: string, change: Change): string {
  return sentence
    .replace(/<(keyword|before|after)>/g, (_, name: "keyword" | "before" | "after") => text(change[name]))
    .replace(/\{(before|after)\}/g, (_, name: "before" | "after") => json(change[name]));
}

function text(value: unknown): string {
  return Array.isArray(value) ? listed(value.map(String)) : String(value);
}

function json(value: unknown): string {
  if (value === undefined) return "none";
  return Array.isArray(value) ? listed(value.map(short)) : short(value);
}

function listed(items: readonly string[]): string {
  if (items.length <= MAX_LISTED) return items.join(", ");
  return `${items.slice(0, MAX_LISTED).join(", ")} and ${items.length - MAX_LISTED} more`;
}

function short(value: unknown): string {
  const written = JSON.stringify(value) ?? "none";
  return written.length <= MAX_LENGTH ? written : `${written.slice(0, MAX_LENGTH)}…`;
}

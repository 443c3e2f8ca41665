import type { ValidationIssue } from "../errors.ts";

const LONGEST_MESSAGE = 200;
/** What is not shown need not be looked through, either. */
const LONGEST_READ = 5_000;
const LONGEST_KEY = 100;
const MOST_ISSUES = 20;

/** A complaint as libraries word it. */
export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Why an answer gives no output. */
export interface Refused {
  readonly issues: readonly ValidationIssue[];
  readonly cause?: unknown;
}

/** What a library says of an answer: not endless, and without what the answer says, which may be secret. */
export function refused(issues: readonly StandardIssue[], answer: unknown): Refused {
  const few = issues.slice(0, MOST_ISSUES).map(({ message, path = [] }) => {
    // A copy: a path may be of a class of its own, with more in it.
    const keys = [...path].map((part) => (typeof part === "object" ? part.key : part));
    const value = keys.reduce<unknown>((at, key) => Object(at)[key], answer) ?? answer;
    return { message: withoutTexts(message, value), path: keys.map(shortKey) };
  });
  const more = issues.length - few.length;
  return { issues: more > 0 ? [...few, { path: [], message: `and ${more} more` }] : few };
}

/** What a validator throws says that the answer does not fit. */
export function refusedBy(cause: unknown, answer: unknown): Refused {
  const message = cause instanceof Error ? cause.message : typeof cause === "string" ? cause : "the schema threw";
  return { issues: [{ path: [], message: withoutTexts(message, answer) }], cause };
}

function shortKey(key: PropertyKey): string | number {
  return typeof key === "number" ? key : cut(String(key), LONGEST_KEY);
}

/** valibot and arktype repeat the text that they refuse: what stands in quotes and in the answer, is left out. */
function withoutTexts(message: string, answer: unknown): string {
  const json = JSON.stringify(answer) ?? "";
  const plain = typeof answer === "string" ? message.replaceAll(`"${answer}"`, '"…"') : message;
  const hide = (quoted: string) => (json.includes(quoted) ? '"…"' : quoted);
  const start = plain.slice(0, LONGEST_READ).replace(/"[^"\\]*(?:\\.[^"\\]*)*(?:"|$)/g, hide);
  return cut(start, LONGEST_MESSAGE);
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

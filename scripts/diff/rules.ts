import type { Change, Severity } from "./change.ts";

/** How bad, and in which words: `<before>` is replaced by text, `{before}` by JSON values. */
type Verdict = readonly [weight: Severity | ((change: Change) => Severity), sentence: string];

interface Rule {
  /** What the same difference is called when old and new are swapped. */
  readonly opposite: string;
  readonly request: Verdict;
  readonly response: Verdict;
}

function either(opposite: string, ...verdict: Verdict): Rule {
  return { opposite, request: verdict, response: verdict };
}

function apart(opposite: string, request: Verdict, response: Verdict): Rule {
  return { opposite, request, response };
}

const B = "breaking";
const R = "risky";
const C = "compatible";
const breakingIfRequired = ({ after }: Change): Severity => (after === "required" ? B : C);
const breakingIfClosed = ({ closed }: Change): Severity => (closed ? B : R);
const breakingUnlessOpen = ({ open }: Change): Severity => (open ? C : B);
/** `float` and `double` say how a server stores a number; JSON writes it the same way. */
const numeric = ({ before, after }: Change): boolean =>
  [before, after].flat().every((format) => format === undefined || format === "double" || format === "float");
const unlessNumeric =
  (severity: Severity) =>
  (change: Change): Severity =>
    change.keyword === "format" && numeric(change) ? C : severity;
/** Of two patterns nobody can say which one takes more. */
const changedRule = (change: Change): Severity => (change.keyword === "pattern" ? R : unlessNumeric(B)(change));

/**
 * Every kind of difference: for what callers send, for what they receive. What has no direction (an operation that is
 * gone) uses the first column.
 */
export const rules = {
  // Operations
  "operation-removed": either("operation-added", B, "was removed"),
  "operation-added": either("operation-removed", C, "is new"),
  "operation-id-changed": either("operation-id-changed", C, "{before} became {after}"),
  "deprecated-set": either("deprecated-unset", C, "is deprecated now"),
  "deprecated-unset": either("deprecated-set", C, "is no longer deprecated"),
  "repeatable-withdrawn": either("repeatable-granted", R, "may no longer be sent twice"),
  "repeatable-granted": either("repeatable-withdrawn", C, "may be sent twice now"),
  "server-changed": either("server-changed", B, "<before> became <after>"),
  "server-removed": either("server-added", B, "<before> was removed"),
  "server-added": either("server-removed", C, "<after> is new"),
  "server-order-changed": either("server-order-changed", R, "the first is <after> now, and was <before>"),
  "security-tightened": either("security-loosened", B, "<before> is no longer enough; what is: <after>"),
  "security-loosened": either("security-tightened", C, "<after> is enough now; what was: <before>"),

  // Parameters, bodies, answers
  "path-parameter-renamed": either("path-parameter-renamed", R, "is called {after} now, and was {before}"),
  "parameter-added": either("parameter-removed", breakingIfRequired, "is new (<after>)"),
  "parameter-removed": either("parameter-added", R, "was removed (<before>)"),
  "parameter-required": either("parameter-optional", B, "is required now"),
  "parameter-optional": either("parameter-required", C, "is optional now"),
  "parameter-encoding-changed": either("parameter-encoding-changed", B, "is written as <after> now, and was <before>"),
  "body-added": either("body-removed", breakingIfRequired, "is new (<after>)"),
  "body-removed": either("body-added", B, "was removed (<before>)"),
  "body-required": either("body-optional", B, "is required now"),
  "body-optional": either("body-required", C, "is optional now"),
  "media-type-added": apart("media-type-removed", [C, "may be <after> too"], [R, "may be <after> too"]),
  "media-type-removed": apart("media-type-added", [B, "may no longer be <before>"], [B, "is no longer <before>"]),
  "content-added": either("content-removed", C, "has content now (<after>)"),
  "content-removed": either("content-added", B, "has no content any more (<before>)"),
  "success-status-changed": either(
    "success-status-changed",
    B,
    "success is answered with <after> now, not with <before>",
  ),
  "success-status-added": either("success-status-removed", R, "success may be answered with <after> too"),
  "success-status-removed": either("success-status-added", B, "success is no longer answered with <before>"),
  "error-status-added": either("error-status-removed", R, "may be answered with <after>"),
  "error-status-removed": either("error-status-added", C, "is no longer answered with <before>"),
  "header-added": either("header-removed", C, "is new (<after>)"),
  "header-removed": either("header-added", ({ before }) => (before === "required" ? B : R), "was removed (<before>)"),
  "header-required": either("header-optional", C, "is always there now"),
  "header-optional": either("header-required", B, "may be missing now"),

  // Values
  "type-changed": either("type-changed", B, "type <before> became <after>"),
  "type-narrowed": apart(
    "type-widened",
    [B, "takes only <after> now, not <before>"],
    [C, "is always <after> now, not <before>"],
  ),
  "type-widened": apart(
    "type-narrowed",
    [C, "takes <after> now, not only <before>"],
    [B, "may be <after> now, not only <before>"],
  ),
  "null-added": apart("null-removed", [C, "may be null now"], [B, "may be null now"]),
  "null-removed": apart("null-added", [B, "may no longer be null"], [C, "is never null now"]),
  "enum-set": apart("enum-dropped", [B, "takes only {after} now"], [C, "is always one of {after} now"]),
  "enum-dropped": apart(
    "enum-set",
    [C, "is no longer limited to {before}"],
    [breakingUnlessOpen, "is no longer one of {before} only"],
  ),
  "enum-added": apart("enum-removed", [C, "may be {after} too"], [breakingUnlessOpen, "may be {after} too"]),
  "enum-removed": apart("enum-added", [B, "may no longer be {before}"], [C, "is never {before} now"]),
  "list-opened": apart("list-closed", [C, "is an open list now"], [R, "is an open list now"]),
  "list-closed": apart("list-opened", [R, "is a closed list now"], [C, "is a closed list now"]),
  "range-narrowed": apart(
    "range-widened",
    [B, "<keyword> was {before}, is {after}"],
    [C, "<keyword> was {before}, is {after}"],
  ),
  "range-widened": apart(
    "range-narrowed",
    [C, "<keyword> was {before}, is {after}"],
    [R, "<keyword> was {before}, is {after}"],
  ),
  "rule-added": apart(
    "rule-removed",
    [unlessNumeric(B), "has <keyword> {after} now"],
    [C, "has <keyword> {after} now"],
  ),
  "rule-removed": apart(
    "rule-added",
    [C, "has no <keyword> {before} any more"],
    [unlessNumeric(R), "has no <keyword> {before} any more"],
  ),
  "rule-changed": either("rule-changed", changedRule, "<keyword> was {before}, is {after}"),
  "unique-required": apart("unique-dropped", [B, "must not repeat items now"], [C, "never repeats items now"]),
  "unique-dropped": apart("unique-required", [C, "may repeat items now"], [R, "may repeat items now"]),
  "alternative-added": apart("alternative-removed", [C, "may be <after> too"], [B, "may be <after> too"]),
  "alternative-removed": apart("alternative-added", [B, "may no longer be <before>"], [C, "is never <before> now"]),
  "discriminator-changed": either("discriminator-changed", B, "is told apart by {after} now, and was by {before}"),
  "default-added": either("default-removed", C, "has default {after} now"),
  "default-removed": either("default-added", R, "has no default any more, and had {before}"),
  "default-changed": either("default-changed", R, "default was {before}, is {after}"),

  // Objects
  "property-added": apart("property-removed", [breakingIfRequired, "is new (<after>)"], [C, "is new (<after>)"]),
  "property-removed": apart(
    "property-added",
    [breakingIfClosed, "was removed (<before>)"],
    [B, "was removed (<before>)"],
  ),
  "property-required": apart("property-optional", [B, "is required now"], [C, "is always there now"]),
  "property-optional": apart("property-required", [C, "is optional now"], [B, "is optional now: it may be missing"]),
  "object-closed": apart(
    "object-opened",
    [B, "refuses unlisted properties now"],
    [C, "has no unlisted properties now"],
  ),
  "object-opened": apart(
    "object-closed",
    [C, "takes unlisted properties now"],
    [C, "may have unlisted properties now"],
  ),

  // What can only be noticed
  "condition-added": either("condition-removed", R, "has a condition now"),
  "condition-removed": either("condition-added", R, "has lost a condition"),
  "callbacks-changed": either("callbacks-changed", R, "differ; they are not compared in detail"),
} as const satisfies Record<string, Rule>;

export type Kind = keyof typeof rules;

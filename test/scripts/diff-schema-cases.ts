import type { Severity } from "../../scripts/diff/change.ts";
import type { Kind } from "../../scripts/diff/rules.ts";
import type { Loose } from "./fixture.ts";

/** One change of a schema, and how it is judged where the schema is sent and where it is received. */
export interface SchemaCase {
  readonly name: string;
  readonly old: Loose;
  readonly new: Loose;
  readonly kind: Kind;
  readonly request: Severity;
  readonly response: Severity;
}

const B = "breaking";
const R = "risky";
const C = "compatible";

function schemaCase(
  name: string,
  [old, fresh]: readonly [Loose, Loose],
  kind: Kind,
  request: Severity,
  response: Severity,
): SchemaCase {
  return { name, old, new: fresh, kind, request, response };
}

const text = { type: "string" };
const integer = { type: "integer" };
const object = (properties: Loose, required: readonly string[] = [], rest: Loose = {}) => ({
  type: "object",
  properties,
  required,
  ...rest,
});
const cat = object({ kind: { const: "cat" }, lives: integer });
const dog = object({ kind: { const: "dog" }, tricks: integer });
const color = (...members: readonly unknown[]) => ({ type: "string", enum: members });
const open = { "x-open-enum": true };

export const schemaCases: readonly SchemaCase[] = [
  schemaCase("another type", [text, { type: "boolean" }], "type-changed", B, B),
  schemaCase("one type fewer", [{ type: ["string", "integer"] }, text], "type-narrowed", B, C),
  schemaCase("a type where there was none", [{}, text], "type-narrowed", B, C),
  schemaCase("an integer where a number was", [{ type: "number" }, integer], "type-narrowed", B, C),
  schemaCase("a schema that takes nothing any more", [text, false], "type-narrowed", B, C),
  schemaCase("one type more", [text, { type: ["string", "integer"] }], "type-widened", C, B),
  schemaCase("no type any more", [text, {}], "type-widened", C, B),
  schemaCase("a number where an integer was", [integer, { type: "number" }], "type-widened", C, B),
  schemaCase("a type beside null", [{ type: "null" }, { type: ["string", "null"] }], "type-widened", C, B),
  schemaCase("null where there was none", [text, { type: ["string", "null"] }], "null-added", C, B),
  schemaCase("null as an alternative", [text, { anyOf: [text, { type: "null" }] }], "null-added", C, B),
  schemaCase("null in a list", [color("a"), { enum: ["a", null] }], "null-added", C, B),
  schemaCase("no null any more", [{ oneOf: [text, { type: "null" }] }, text], "null-removed", B, C),

  schemaCase("a member more in a list", [color("a"), color("a", "b")], "enum-added", C, B),

  schemaCase("a member fewer in a list", [color("a", "b"), color("b")], "enum-removed", B, C),
  schemaCase("a list where any text was", [text, color("a")], "enum-set", B, C),
  schemaCase("a constant where any text was", [text, { type: "string", const: "a" }], "enum-set", B, C),
  schemaCase("any text where a list was", [color("a"), text], "enum-dropped", C, B),
  schemaCase("another constant beside the first", [{ const: "a" }, color("a", "b")], "enum-added", C, B),
  schemaCase("a list that is marked open", [color("a"), { ...color("a"), ...open }], "list-opened", C, R),
  schemaCase("a list that is no longer marked open", [{ ...color("a"), ...open }, color("a")], "list-closed", R, C),

  schemaCase("a minimum", [integer, { ...integer, minimum: 1 }], "range-narrowed", B, C),
  schemaCase(
    "a higher minimum",
    [
      { ...integer, minimum: 1 },
      { ...integer, minimum: 2 },
    ],
    "range-narrowed",
    B,
    C,
  ),
  schemaCase(
    "an exclusive minimum of the same value",
    [
      { type: "number", minimum: 1 },
      { type: "number", exclusiveMinimum: 1 },
    ],
    "range-narrowed",
    B,
    C,
  ),
  schemaCase(
    "a lower maximum",
    [
      { ...integer, maximum: 9 },
      { ...integer, maximum: 8 },
    ],
    "range-narrowed",
    B,
    C,
  ),
  schemaCase("no maximum any more", [{ ...integer, maximum: 9 }, integer], "range-widened", C, R),
  schemaCase(
    "a greater length",
    [
      { ...text, maxLength: 9 },
      { ...text, maxLength: 10 },
    ],
    "range-widened",
    C,
    R,
  ),
  schemaCase(
    "a shorter length",
    [
      { ...text, maxLength: 9 },
      { ...text, maxLength: 8 },
    ],
    "range-narrowed",
    B,
    C,
  ),
  schemaCase("text that may be empty", [{ ...text, minLength: 1 }, text], "range-widened", C, R),
  schemaCase(
    "fewer items",
    [
      { type: "array", maxItems: 9 },
      { type: "array", maxItems: 8 },
    ],
    "range-narrowed",
    B,
    C,
  ),
  schemaCase("a minimum of items", [{ type: "array" }, { type: "array", minItems: 1 }], "range-narrowed", B, C),
  schemaCase("a limit of properties", [object({}), object({}, [], { maxProperties: 3 })], "range-narrowed", B, C),
  schemaCase(
    "items that may repeat",
    [{ type: "array", uniqueItems: true }, { type: "array" }],
    "unique-dropped",
    C,
    R,
  ),
  schemaCase(
    "items that must differ",
    [{ type: "array" }, { type: "array", uniqueItems: true }],
    "unique-required",
    B,
    C,
  ),
  schemaCase("a pattern", [text, { ...text, pattern: "^a" }], "rule-added", B, C),
  schemaCase(
    "another pattern",
    [
      { ...text, pattern: "^a" },
      { ...text, pattern: "^b" },
    ],
    "rule-changed",
    R,
    R,
  ),
  schemaCase("no pattern any more", [{ ...text, pattern: "^a" }, text], "rule-removed", C, R),
  schemaCase("a format", [text, { ...text, format: "uuid" }], "rule-added", B, C),
  schemaCase(
    "another format",
    [
      { ...text, format: "date" },
      { ...text, format: "date-time" },
    ],
    "rule-changed",
    B,
    B,
  ),
  schemaCase("no format any more", [{ ...text, format: "uuid" }, text], "rule-removed", C, R),
  schemaCase(
    "a number that is no longer called double",
    [{ type: "number", format: "double" }, { type: "number" }],
    "rule-removed",
    C,
    C,
  ),
  schemaCase("a step", [integer, { ...integer, multipleOf: 5 }], "rule-added", B, C),

  schemaCase("a new optional property", [object({}), object({ a: text })], "property-added", C, C),
  schemaCase("a new required property", [object({}), object({ a: text }, ["a"])], "property-added", B, C),
  schemaCase("a property that is gone", [object({ a: text }), object({})], "property-removed", R, B),
  schemaCase(
    "a property that is refused now",
    [object({ a: text }, [], { additionalProperties: false }), object({}, [], { additionalProperties: false })],
    "property-removed",
    B,
    B,
  ),
  schemaCase(
    "a property that is required now",
    [object({ a: text }), object({ a: text }, ["a"])],
    "property-required",
    B,
    C,
  ),
  schemaCase(
    "a property that is optional now",
    [object({ a: text }, ["a"]), object({ a: text })],
    "property-optional",
    C,
    B,
  ),
  schemaCase("a required name without a description", [object({}), object({}, ["a"])], "property-required", B, C),
  schemaCase(
    "unlisted properties that are refused now",
    [object({}), object({}, [], { additionalProperties: false })],
    "object-closed",
    B,
    C,
  ),
  schemaCase(
    "unlisted properties that are taken now",
    [object({}, [], { unevaluatedProperties: false }), object({})],
    "object-opened",
    C,
    C,
  ),
  schemaCase(
    "unlisted properties of another type",
    [object({}, [], { additionalProperties: text }), object({}, [], { additionalProperties: integer })],
    "type-changed",
    B,
    B,
  ),
  schemaCase(
    "unlisted properties of any type",
    [object({}, [], { additionalProperties: text }), object({})],
    "type-widened",
    C,
    B,
  ),
  schemaCase("items of a type", [{ type: "array" }, { type: "array", items: text }], "type-narrowed", B, C),
  schemaCase(
    "another type at one position",
    [
      { type: "array", prefixItems: [text, text] },
      { type: "array", prefixItems: [text, integer] },
    ],
    "type-changed",
    B,
    B,
  ),

  schemaCase("another alternative", [{ oneOf: [cat] }, { oneOf: [dog, cat] }], "alternative-added", C, B),
  schemaCase("an alternative fewer", [{ anyOf: [cat, dog] }, { anyOf: [dog] }], "alternative-removed", B, C),
  schemaCase(
    "a part that must match too",
    [{ allOf: [cat] }, { allOf: [cat, object({}, ["lives"])] }],
    "property-required",
    B,
    C,
  ),
  schemaCase(
    "another property that tells alternatives apart",
    [
      { oneOf: [cat, dog], discriminator: { propertyName: "kind" } },
      { oneOf: [cat, dog], discriminator: { propertyName: "type" } },
    ],
    "discriminator-changed",
    B,
    B,
  ),

  schemaCase("a default", [text, { ...text, default: "a" }], "default-added", C, C),
  schemaCase(
    "another default",
    [
      { ...text, default: "a" },
      { ...text, default: "b" },
    ],
    "default-changed",
    R,
    R,
  ),
  schemaCase("another default of an object", [{ default: { a: 1 } }, { default: { a: 2 } }], "default-changed", R, R),
  schemaCase("no default any more", [{ ...text, default: null }, text], "default-removed", R, R),
  schemaCase("a property that is deprecated", [text, { ...text, deprecated: true }], "deprecated-set", C, C),

  schemaCase("something more that must not match", [text, { ...text, not: color("a") }], "condition-added", R, R),
  schemaCase("a condition that is gone", [object({}, [], { if: cat }), object({})], "condition-removed", R, R),
  schemaCase(
    "one value more that must not match",
    [
      { ...text, not: color("a") },
      { ...text, not: color("a", "b") },
    ],
    "enum-added",
    B,
    C,
  ),
  schemaCase(
    "a change below a condition",
    [object({}, [], { if: object({ a: color("a") }) }), object({}, [], { if: object({ a: color("a", "b") }) })],
    "enum-added",
    R,
    R,
  ),
  schemaCase(
    "names of properties that must be longer",
    [object({}, [], { propertyNames: { minLength: 1 } }), object({}, [], { propertyNames: { minLength: 2 } })],
    "range-narrowed",
    B,
    C,
  ),
];

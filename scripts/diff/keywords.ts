/** Keywords that limit the length or size of a value, and the type that they speak of. */
export const BOUNDS = {
  minLength: "string",
  maxLength: "string",
  minimum: "number",
  maximum: "number",
  minItems: "array",
  maxItems: "array",
  minContains: "array",
  maxContains: "array",
  minProperties: "object",
  maxProperties: "object",
} as const;

/** Keywords of which it is known only whether they are equal. */
export const RULES = {
  pattern: "string",
  format: "string number",
  contentEncoding: "string",
  contentMediaType: "string",
  multipleOf: "number",
  dependentRequired: "object",
} as const;

/** Keywords that hold a schema for part of a value, and how it weighs on the values that pass. */
export const CONDITIONS = {
  not: -1,
  if: 0,
  // biome-ignore lint/suspicious/noThenProperty: the keyword is called so
  then: 0,
  else: 0,
  contains: 1,
  propertyNames: 1,
  unevaluatedItems: 0,
  unevaluatedProperties: 0,
} as const;

/** The same, for mappings of schemas. */
export const CONDITION_MAPS = { patternProperties: 1, dependentSchemas: 0 } as const;

/** Keywords that say which values match; the rest is prose, annotation, or unknown to JSON Schema. */
export const CONSTRAINTS: readonly string[] = [
  ...["type", "enum", "const", "x-open-enum", "exclusiveMinimum", "exclusiveMaximum", "uniqueItems"],
  ...["items", "prefixItems", "properties", "required", "additionalProperties"],
  ...Object.keys(BOUNDS),
  ...Object.keys(RULES),
  ...Object.keys(CONDITIONS),
  ...Object.keys(CONDITION_MAPS),
];

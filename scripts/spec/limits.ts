import { canonical } from "./canonical.ts";
import { isNode, type Node, type OpenApiDocument, type PlacedOperation, type Schema } from "./document.ts";
import { fail } from "./problem.ts";
import { lookUp } from "./references.ts";

/** A schema without references, nullable unions folded into `type`, prose and defaults left out. */
export type Limit = Node;

const KEPT = [
  ...["type", "enum", "const", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"],
  ...["maxProperties", "pattern", "format", "required"],
];

/**
 * The limits of an operation's JSON body.
 *
 * @throws {@link SpecError} when it has no JSON body, or one that contains itself.
 */
export function bodyLimit(document: OpenApiDocument, { key, operation }: PlacedOperation): Limit {
  const schema = operation.requestBody?.content?.["application/json"]?.schema;
  if (!schema) fail("merged document", key, "has x-facade but no JSON body; remove the mark in the overlay");
  return canonical(limitOf(document, schema, [key]));
}

function limitOf(document: OpenApiDocument, written: Schema, trail: readonly string[]): Limit {
  const here = typeof written.$ref === "string" ? [...trail, written.$ref] : trail;
  if (new Set(here).size < here.length)
    fail("merged document", trail[0] ?? "", `has a body that contains itself (${written.$ref})`);
  const schema = resolved(document, written);
  const deeper = (child: unknown): Limit[] => (isNode(child) ? [limitOf(document, child, here)] : []);
  return foldNull({ ...keptKeywords(schema), ...nestedLimits(schema, deeper) });
}

function resolved(document: OpenApiDocument, { $ref, ...siblings }: Schema): Schema {
  const target = $ref === undefined ? {} : lookUp(document, $ref);
  return { ...(isNode(target) ? target : {}), ...siblings };
}

function keptKeywords(schema: Schema): Limit {
  const keywords = KEPT.filter((keyword) => keyword in schema && !(keyword === "enum" && schema["x-open-enum"]));
  return Object.fromEntries(keywords.map((keyword) => [keyword, schema[keyword]]));
}

function nestedLimits(schema: Schema, deeper: (child: unknown) => Limit[]): Limit {
  const limit: Limit = {};
  const { properties } = schema;
  if (properties)
    limit["properties"] = Object.fromEntries(
      Object.entries(properties).flatMap(([name, child]) => deeper(child).map((one) => [name, one])),
    );
  if (schema.anyOf) limit["anyOf"] = schema.anyOf.flatMap(deeper);
  for (const keyword of ["items", "additionalProperties"]) {
    for (const child of deeper(schema[keyword])) limit[keyword] = child;
  }
  return limit;
}

/** `anyOf: [X, null]` says no more than X whose type may be null too. */
function foldNull(limit: Limit): Limit {
  const { anyOf, ...rest } = limit;
  if (!Array.isArray(anyOf)) return limit;
  const others = anyOf.filter((member) => member.type !== "null");
  const [only] = others;
  if (others.length !== 1 || anyOf.length !== 2 || typeof only.type !== "string") return limit;
  return { ...rest, ...only, type: [only.type, "null"] };
}

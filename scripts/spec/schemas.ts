import {
  isNode,
  type OpenApiDocument,
  operationsOf,
  type PlacedOperation,
  type Schema,
  schemasOf,
} from "./document.ts";

/** A schema and where it stands, for messages. */
export interface PlacedSchema {
  readonly schema: Schema;
  readonly place: string;
}

const ONE = ["items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else"];
const LIST = ["anyOf", "oneOf", "allOf", "prefixItems"];
const MAP = ["properties", "patternProperties", "$defs", "dependentSchemas"];

/**
 * A schema and every schema written inside it. References are not followed.
 *
 * Goes by keyword, since a property may be called `default`, `required` or `le` without being that keyword.
 */
export function* schemaTree(schema: Schema, place: string): Generator<PlacedSchema> {
  yield { schema, place };
  for (const child of children(schema)) yield* schemaTree(child.schema, `${place}.${child.place}`);
}

/** Every schema of the document, written in the components or in an operation. */
export function* allSchemas(document: OpenApiDocument): Generator<PlacedSchema> {
  for (const [name, schema] of Object.entries(schemasOf(document))) {
    yield* schemaTree(schema, `components.schemas.${name}`);
  }
  for (const placed of operationsOf(document)) {
    for (const root of rootSchemas(placed)) yield* schemaTree(root.schema, root.place);
  }
}

/** What an operation receives: its parameters and its body. */
export function requestParts({ operation }: PlacedOperation): unknown[] {
  return [operation.parameters, operation.requestBody];
}

/** What an operation answers. */
export function responseParts({ operation }: PlacedOperation): unknown[] {
  return [operation.responses];
}

function rootSchemas({ key, operation }: PlacedOperation): PlacedSchema[] {
  const parameters = (operation.parameters ?? []).map(({ name, schema }) => at(schema, `${key} parameter ${name}`));
  const responses = Object.entries(operation.responses ?? {});
  return [
    ...parameters.flat(),
    ...contentSchemas(operation.requestBody, `${key} body`),
    ...responses.flatMap(([status, response]) => contentSchemas(response, `${key} ${status}`)),
  ];
}

function contentSchemas(part: { content?: Record<string, { schema?: Schema }> } | undefined, place: string) {
  return Object.values(part?.content ?? {}).flatMap(({ schema }) => at(schema, place));
}

function children(schema: Schema): PlacedSchema[] {
  return [
    ...ONE.flatMap((key) => at(schema[key], key)),
    ...LIST.flatMap((key) => entries(schema[key]).flatMap(([index, child]) => at(child, `${key}[${index}]`))),
    ...MAP.flatMap((key) => entries(schema[key]).flatMap(([name, child]) => at(child, `${key}.${name}`))),
  ];
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

function at(value: unknown, place: string): PlacedSchema[] {
  return isNode(value) ? [{ schema: value, place }] : [];
}

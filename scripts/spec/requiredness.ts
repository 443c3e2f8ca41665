import { isNode, type OpenApiDocument, operationsOf, type Schema, schemasOf } from "./document.ts";
import { reachableSchemas } from "./references.ts";
import { requestParts, schemaTree } from "./schemas.ts";

/**
 * Makes defaulted properties required wherever only responses use a schema: the server always fills them in, while a
 * request may leave them out. That no schema with defaults serves both directions is asserted before.
 */
export function completeRequired(document: OpenApiDocument): OpenApiDocument {
  const result = structuredClone(document);
  const requested = reachableSchemas(result, operationsOf(result).flatMap(requestParts));
  for (const [name, schema] of Object.entries(schemasOf(result))) {
    if (!requested.has(name)) for (const node of schemaTree(schema, name)) requireDefaulted(node.schema);
  }
  return result;
}

function requireDefaulted(schema: Schema): void {
  const properties = Object.entries(schema.properties ?? {});
  const defaulted = properties
    .filter(([, property]) => isNode(property) && "default" in property)
    .map(([name]) => name);
  if (defaulted.length > 0) schema.required = [...new Set([...(schema.required ?? []), ...defaulted])];
}

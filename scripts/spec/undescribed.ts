import { type OpenApiDocument, operationsOf, type PlacedOperation, type Schema } from "./document.ts";
import { allSchemas, type PlacedSchema } from "./schemas.ts";

/** A place in the document that has no hover text and needs one. */
export interface Undescribed {
  readonly place: string;
}

/** Properties whose name and type say all there is to say, in whatever schema they stand. */
const OBVIOUS = new Set([
  ...["id", "name", "createdAt", "updatedAt"],
  // Of errors.
  "detail",
  // Of lists, and of the page that was read.
  ...["items", "files", "messages", "sessions"],
  ...["page", "pageNumber", "pageSize", "total", "totalItems"],
]);

/** Path parameters that name what the path names too: `session_id` in `/sessions/{session_id}`. */
const OBVIOUS_IN_PATH = /_id$/;

/**
 * The operations without a summary, and the properties and parameters without a description that are not obvious.
 *
 * A property that refers to a described schema is listed all the same: editors show the property's own text only.
 */
export function undescribed(document: OpenApiDocument): readonly Undescribed[] {
  return [...operationsOf(document).flatMap(ofOperation), ...[...allSchemas(document)].flatMap(ofSchema)];
}

function ofOperation({ key, operation }: PlacedOperation): Undescribed[] {
  const parameters = (operation.parameters ?? []).filter(
    (parameter) => !(parameter.in === "path" && OBVIOUS_IN_PATH.test(parameter.name ?? "")) && !describes(parameter),
  );
  const itself = hasText(operation["summary"]) ? [] : [{ place: key }];
  return [...itself, ...parameters.map(({ name }) => ({ place: `${key} parameter ${name}` }))];
}

function ofSchema({ schema, place }: PlacedSchema): Undescribed[] {
  return Object.entries(schema.properties ?? {})
    .filter(([name, property]) => !OBVIOUS.has(name) && !describes(property))
    .map(([name]) => ({ place: `${place}.properties.${name}` }));
}

function describes(part: Schema): boolean {
  return hasText(part["description"]);
}

function hasText(value: unknown): boolean {
  return typeof value === "string" && value.trim() !== "";
}

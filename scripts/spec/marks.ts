import type { ApiVersion } from "../versions.ts";
import type { OpenApiDocument } from "./document.ts";
import { allSchemas } from "./schemas.ts";

/**
 * Writes into a copy of the document what only the registration of its version says, so that whoever reads the merged
 * document need not know the version: `x-naive-utc` on each time that may lack its offset.
 */
export function withMarks(document: OpenApiDocument, { naiveTimestamps }: ApiVersion): OpenApiDocument {
  const result = structuredClone(document);
  if (!naiveTimestamps) return result;
  for (const { schema } of allSchemas(result)) if (schema["format"] === "date-time") schema["x-naive-utc"] = true;
  return result;
}

import type { Finding, Role } from "../../scripts/diff/change.ts";
import { diff } from "../../scripts/diff/diff.ts";
import type { OpenApiDocument } from "../../scripts/spec/document.ts";
import type { Loose } from "./fixture.ts";

/** A document with one operation, `POST /things/{id}`, and whatever a test adds to it. */
export function api(operation: Loose = {}, rest: Loose = {}): Loose {
  const id = { name: "id", in: "path", required: true, schema: { type: "string" } };
  return {
    openapi: "3.1.0",
    info: { title: "Things", version: "1" },
    paths: { "/things/{id}": { post: { parameters: [id], responses: { "204": {} }, ...operation } } },
    ...rest,
  };
}

/** A document in which a schema is a property of what is sent, or of what is answered. */
export function using(role: Role, schema: Loose, schemas: Loose = {}): Loose {
  const content = json({ type: "object", properties: { it: schema } });
  const operation = role === "request" ? { requestBody: content } : { responses: { "200": content } };
  return api(operation, { components: { schemas } });
}

/** A body or an answer in JSON. */
export function json(schema: Loose): Loose {
  return { content: { "application/json": { schema } } };
}

/** What is found between two documents. */
export function found(old: Loose, fresh: Loose): Finding[] {
  return diff({ document: complete(old), file: "old.yaml" }, { document: complete(fresh), file: "new.yaml" });
}

/** The same, as far as a test usually looks: `breaking enum-removed`. */
export function verdicts(old: Loose, fresh: Loose): string[] {
  return found(old, fresh).map(({ severity, kind }) => `${severity} ${kind}`);
}

/** A reference to `#/components/schemas/<name>`. */
export function ref(name: string): Loose {
  return { $ref: `#/components/schemas/${name}` };
}

function complete(document: Loose): OpenApiDocument {
  // A test may change what it has given afterwards.
  return { components: {}, ...structuredClone(document) } as OpenApiDocument;
}

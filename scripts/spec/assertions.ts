import type { ApiVersion } from "../versions.ts";
import { isNode, type OpenApiDocument, operationsOf, type Schema, schemasOf } from "./document.ts";
import type { Problem } from "./problem.ts";
import { lookUp, reachableSchemas, referencesIn } from "./references.ts";
import { allSchemas, requestParts, responseParts, schemaTree } from "./schemas.ts";

type Finding = Omit<Problem, "file">;
type Assertion = (document: OpenApiDocument, version: ApiVersion) => Finding[];

/** What a structure file must keep by itself, before any overlay. */
const ofStructure: readonly Assertion[] = [
  openApiVersion,
  expectedServer,
  uniqueOperationIds,
  noObjectsInEnums,
  noContentWith204,
  bodiesRequiredWhereNeeded,
  noKeyAsParameter,
];

const assertions: readonly Assertion[] = [
  ...ofStructure,
  repeatableEverywhere,
  alwaysRepeatable,
  defaultsInOneDirection,
];

/**
 * References that point to nothing in their own file. To be asked first: whoever follows references relies on it, and a
 * linter would go looking for other files.
 */
export function danglingReferences(document: OpenApiDocument, { structure }: ApiVersion): Problem[] {
  return [...referencesIn(document)]
    .filter(({ target }) => lookUp(document, target) === undefined)
    .map(({ target, place }) => ({
      file: structure,
      place,
      message: `refers to ${target}, which is not in this file; add it or correct the $ref`,
    }));
}

/** What must hold for a linted structure file, whatever its overlay will add; one problem per violation. */
export function structureProblems(document: OpenApiDocument, version: ApiVersion): Problem[] {
  return ofStructure.flatMap((assertion) => withFile(assertion(document, version), version));
}

/** Everything else that must hold for a linted version once its overlay is applied; one problem per violation. */
export function problemsOf(document: OpenApiDocument, version: ApiVersion): Problem[] {
  return assertions.flatMap((assertion) => withFile(assertion(document, version), version));
}

function withFile(findings: readonly Finding[], { structure }: ApiVersion): Problem[] {
  return findings.map((finding) => ({ file: structure, ...finding }));
}

function openApiVersion({ openapi }: OpenApiDocument): Finding[] {
  if (/^3\.1\.\d+$/.test(openapi)) return [];
  return [{ place: "openapi", message: `is ${openapi}, but only 3.1.x is understood; convert the file` }];
}

function expectedServer({ servers }: OpenApiDocument, { server }: ApiVersion): Finding[] {
  const urls = servers.map(({ url }) => url);
  if (urls.length === 1 && urls[0] === server) return [];
  return [{ place: "servers", message: `must be ${server} alone, but is ${urls.join(", ") || "missing"}` }];
}

function uniqueOperationIds(document: OpenApiDocument): Finding[] {
  const seen = new Map<string, string>();
  return operationsOf(document).flatMap(({ key, operation: { operationId } }) => {
    if (typeof operationId !== "string") return [{ place: key, message: "has no operationId; give it one" }];
    const other = seen.get(operationId);
    seen.set(operationId, key);
    return other === undefined
      ? []
      : [{ place: key, message: `shares its operationId ${operationId} with ${other}; rename one` }];
  });
}

function noObjectsInEnums(document: OpenApiDocument): Finding[] {
  return [...allSchemas(document)]
    .filter(
      ({ schema }) =>
        Array.isArray(schema.enum) && schema.enum.some((member) => typeof member === "object" && member !== null),
    )
    .map(({ place }) => ({ place, message: "has an enum member that is an object; write the bare value" }));
}

function noContentWith204(document: OpenApiDocument): Finding[] {
  return operationsOf(document)
    .filter(({ operation }) => operation.responses?.["204"]?.content !== undefined)
    .map(({ key }) => ({
      place: `${key} 204`,
      message: "has content, but a 204 never has a body; remove the content",
    }));
}

function bodiesRequiredWhereNeeded(document: OpenApiDocument): Finding[] {
  return operationsOf(document)
    .filter(({ operation: { requestBody } }) => requestBody !== undefined && requestBody.required !== true)
    .filter(({ operation }) =>
      Object.values(operation.requestBody?.content ?? {}).some(({ schema }) => needsProperties(document, schema)),
    )
    .map(({ key }) => ({ place: `${key} body`, message: "has required properties, so it must say required: true" }));
}

function noKeyAsParameter(document: OpenApiDocument): Finding[] {
  const keys = Object.values(document.components.securitySchemes ?? {}).map(({ name }) => String(name).toLowerCase());
  return operationsOf(document).flatMap(({ key, operation }) =>
    (operation.parameters ?? [])
      .filter((parameter) => parameter.in === "header" && keys.includes(String(parameter.name).toLowerCase()))
      .map(({ name }) => ({
        place: key,
        message: `takes the key as parameter ${name}; declare it under security instead`,
      })),
  );
}

function repeatableEverywhere(document: OpenApiDocument): Finding[] {
  return operationsOf(document)
    .filter(({ operation }) => typeof operation["x-repeatable"] !== "boolean")
    .map(({ key }) => ({
      place: key,
      message: "has no x-repeatable; say in the overlay whether it may be sent twice",
    }));
}

function alwaysRepeatable(document: OpenApiDocument): Finding[] {
  return operationsOf(document)
    .filter(({ method, operation }) => ["get", "put", "delete"].includes(method) && operation["x-repeatable"] === false)
    .map(({ key }) => ({
      place: key,
      message: "says x-repeatable: false, but its method promises that; remove the mark",
    }));
}

function defaultsInOneDirection(document: OpenApiDocument): Finding[] {
  const operations = operationsOf(document);
  const requested = reachableSchemas(document, operations.flatMap(requestParts));
  const answered = reachableSchemas(document, operations.flatMap(responseParts));
  return Object.entries(schemasOf(document))
    .filter(([name, schema]) => requested.has(name) && answered.has(name) && hasDefaults(schema))
    .map(([name]) => ({
      place: `components.schemas.${name}`,
      message: "has defaults and is used in requests and in responses; give each direction a schema of its own",
    }));
}

function hasDefaults(root: Schema): boolean {
  return [...schemaTree(root, "")].some(({ schema }) =>
    Object.values(schema.properties ?? {}).some((property) => isNode(property) && "default" in property),
  );
}

function needsProperties(document: OpenApiDocument, schema: Schema | undefined): boolean {
  const target = typeof schema?.$ref === "string" ? lookUp(document, schema.$ref) : schema;
  return isNode(target) && Array.isArray(target["required"]) && target["required"].length > 0;
}

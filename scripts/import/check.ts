import { structureProblems } from "../spec/assertions.ts";
import { isNode, type Node, type OpenApiDocument } from "../spec/document.ts";
import { type LintRule, lint } from "../spec/lint.ts";
import { failOn, type Problem } from "../spec/problem.ts";
import type { ApiVersion } from "../versions.ts";
import type { Missing } from "./missing.ts";
import { deadReferences } from "./references.ts";
import { isUnknownKeyword } from "./structure.ts";
import { nodesOf } from "./visit.ts";

/** Rules that only hold once the overlay has been applied. */
const OF_THE_OVERLAY: readonly LintRule[] = ["operation-summary", "operation-4xx-response", "security-defined"];

/**
 * Asks the same questions that `npm run generate` will ask of the structure, by the same modules. What the overlay has to
 * add, or may still repair, is not asked for.
 *
 * @throws {@link SpecError} with one line per problem, naming the source.
 */
export async function check(document: OpenApiDocument, version: ApiVersion, file: string): Promise<void> {
  failOn(deadReferences(document, file));
  failOn(await lint(withoutUnknownKeywords(document), file, OF_THE_OVERLAY));
  failOn(structureProblems(document, version).map((finding) => ({ ...finding, file })));
  failOn(undefinedSchemes(document, file));
}

/** What is legal as it is, and what the overlay has to say a word about before `npm run generate` takes it. */
export const leftToOverlay: readonly Missing[] = [
  {
    name: "unknown-keywords",
    description: "keywords that JSON Schema does not know, and that have no effect",
    places: (document) =>
      nodesOf(document, "schema").flatMap(({ node, place }) => unknownKeywords(node).map((key) => `${place}.${key}`)),
  },
  {
    name: "foreign-patterns",
    description: "patterns that are no regular expressions in JavaScript",
    places: (document) =>
      nodesOf(document, "schema").flatMap(({ node, place }) => (isForeign(node["pattern"]) ? [place] : [])),
  },
  {
    name: "no-security",
    description: "operations that do not say whether they need a key",
    places: (document) =>
      nodesOf(document, "operation").flatMap(({ node, place }) => ("security" in node ? [] : [place])),
  },
];

function unknownKeywords(schema: Node): string[] {
  return Object.keys(schema).filter(isUnknownKeyword);
}

function isForeign(pattern: unknown): boolean {
  if (typeof pattern !== "string") return false;
  try {
    new RegExp(pattern, "u");
    return false;
  } catch {
    return true;
  }
}

function undefinedSchemes(document: OpenApiDocument, file: string): Problem[] {
  const known = Object.keys(document.components.securitySchemes ?? {});
  return nodesOf(document, "operation").flatMap(({ node: { security }, place }) =>
    (Array.isArray(security) ? security : [])
      .flatMap((scheme) => Object.keys(isNode(scheme) ? scheme : {}))
      .filter((name) => !known.includes(name))
      .map((name) => ({ file, place, message: `needs the security scheme ${name}, which is not there` })),
  );
}

function withoutUnknownKeywords(document: OpenApiDocument): OpenApiDocument {
  const result = structuredClone(document);
  for (const { node } of nodesOf(result, "schema")) for (const key of unknownKeywords(node)) delete node[key];
  return result;
}

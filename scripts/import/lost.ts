import { isNode, type Node } from "../spec/document.ts";
import type { Missing } from "./missing.ts";
import { keysOf } from "./shapes.ts";
import { pagingParameters } from "./vendor.ts";
import { nodesOf, type Placed } from "./visit.ts";

/** Keywords that narrow a value down, or fill it in. */
const LIMITS: readonly string[] = [...keysOf("schema").keys()].filter((key) =>
  /^(default|(exclusive)?(max|min)|multipleOf|pattern)/.test(key),
);

/** What the vendor's sources usually have and what cannot be known from the rest. To look for more, add a line. */
export const losses: readonly Missing[] = [
  {
    name: "paging-limits",
    description: "paging parameters without default and range",
    places: (document) =>
      optionalQuery(document)
        .filter(({ node }) => pagingParameters.has(String(node["name"])) && isBare(node))
        .map(nameOf),
  },
  {
    name: "all-limits",
    description: "optional query parameters of a source that has no default and no range anywhere",
    places: (document) => (isBareAltogether(document) ? optionalQuery(document).map(nameOf) : []),
  },
  {
    name: "unknown-answers",
    description: "successes whose body is unknown",
    places: (document) =>
      nodesOf(document, "operation").flatMap(({ node, place }) =>
        unknownAnswers(node).map((status) => `${place} ${status}`),
      ),
  },
];

function optionalQuery(document: Node): Placed[] {
  return nodesOf(document, "parameter").filter(({ node }) => node["in"] === "query" && node["required"] !== true);
}

function nameOf({ node, place }: Placed): string {
  return `${place.replace(/ parameters\[\d+\]$/, "")} ${node["name"]}`;
}

function isBare({ schema }: Node): boolean {
  return isNode(schema) && !LIMITS.some((keyword) => keyword in schema);
}

function isBareAltogether(document: Node): boolean {
  for (const { node } of nodesOf(document, "schema")) if (LIMITS.some((keyword) => keyword in node)) return false;
  return true;
}

function unknownAnswers({ responses }: Node): string[] {
  if (!isNode(responses)) return [];
  return Object.entries(responses)
    .filter(([status, answer]) => status.startsWith("2") && [...schemasIn(answer)].some(isUnknown))
    .map(([status]) => status);
}

function* schemasIn(answer: unknown): Generator<unknown> {
  const content = isNode(answer) && isNode(answer["content"]) ? answer["content"] : {};
  for (const media of Object.values(content)) yield isNode(media) ? media["schema"] : undefined;
}

function isUnknown(schema: unknown): boolean {
  return isNode(schema) && Object.keys(schema).length === 0;
}

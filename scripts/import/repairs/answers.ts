import { isNode, type Node } from "../../spec/document.ts";
import { entries, operationNodes } from "./placed.ts";
import type { Repair } from "./repair.ts";

/** What the API says in an error, wherever the vendor's documents tell: a text, or for a refused body a list of errors. */
const ERROR_BODY = { type: "object", properties: { detail: { type: "string" } }, required: ["detail"] };
const REFUSED_BODY = { $ref: "#/components/schemas/HTTPValidationError" };
const REFUSED_SCHEMAS = {
  HTTPValidationError: {
    type: "object",
    properties: { detail: { type: "array", items: { $ref: "#/components/schemas/ValidationError" } } },
  },
  ValidationError: {
    type: "object",
    properties: {
      loc: { type: "array", items: { anyOf: [{ type: "string" }, { type: "integer" }] } },
      msg: { type: "string" },
      type: { type: "string" },
    },
    required: ["loc", "msg", "type"],
  },
};

/** Statuses that never have a body. */
const BODILESS: readonly string[] = ["204", "205", "304"];

/** A 204 with a body → none. Its schema goes with it when nothing else uses it. */
export const emptyAnswers: Repair = {
  name: "no-content-with-body",
  description: "answers without content (204) that have a body",
  repair: (document) => {
    const wrong = answers(document).filter(({ status, node }) => BODILESS.includes(status) && "content" in node);
    for (const { node } of wrong) delete node["content"];
    return { found: wrong.length };
  },
};

/** `content: {}` on an error → the body that the API gives its errors. */
export const emptyErrors: Repair = {
  name: "empty-error-content",
  description: "errors with empty content, given the body that the API's errors have ({ detail })",
  repair: (document) => {
    const empty = answers(document).filter(({ status, node }) => isError(status) && isEmpty(node["content"]));
    for (const { status, node } of empty) node["content"] = jsonBody(status === "422" ? REFUSED_BODY : ERROR_BODY);
    if (empty.some(({ status }) => status === "422")) addSchemas(document);
    return { found: empty.length };
  },
};

/** `content: {}` on a success: there may be a body, and nobody knows which. */
export const emptySuccesses: Repair = {
  name: "empty-success-content",
  description: "successes with empty content, typed as unknown",
  repair: (document) => {
    const empty = answers(document).filter(({ status, node }) => !isError(status) && isEmpty(node["content"]));
    for (const { node } of empty) node["content"] = jsonBody({});
    return { found: empty.length, left: empty.length };
  },
};

interface Answer {
  readonly status: string;
  readonly node: Node;
}

function answers(document: Node): Answer[] {
  return operationNodes(document).flatMap(({ node }) =>
    entries(node["responses"]).flatMap(([status, answer]) => (isNode(answer) ? [{ status, node: answer }] : [])),
  );
}

function isError(status: string): boolean {
  return /^[45]/.test(status) || status === "default";
}

function isEmpty(content: unknown): boolean {
  return isNode(content) && Object.keys(content).length === 0;
}

function jsonBody(schema: Node): Node {
  return { "application/json": { schema: structuredClone(schema) } };
}

function addSchemas(document: Node): void {
  const components = isNode(document["components"]) ? document["components"] : {};
  const schemas = isNode(components["schemas"]) ? components["schemas"] : {};
  document["components"] = components;
  components["schemas"] = { ...structuredClone(REFUSED_SCHEMAS), ...schemas };
}

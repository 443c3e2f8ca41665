import { type Content, isNode, type OpenApiDocument, type PlacedOperation, type Schema } from "./document.ts";
import { lookUp } from "./references.ts";

/** What the body of a success is, where it is no JSON object. */
export type Answer = "nothing" | "list" | "anything";

type Kind = Answer | "object";

/** What an operation answers when it succeeds; undefined for a JSON object. */
export function answerOf(document: OpenApiDocument, { operation }: PlacedOperation): Answer | undefined {
  const successes = Object.entries(operation.responses ?? {}).filter(([status]) => status.startsWith("2"));
  const kind = common(successes.map(([, response]) => kindOfContent(document, response)));
  return kind === "object" ? undefined : kind;
}

function kindOfContent(document: OpenApiDocument, { content = {} }: Content): Kind {
  const [[type, body] = [], ...more] = Object.entries(content);
  if (type === undefined) return "nothing";
  return type === "application/json" && body?.schema && more.length === 0
    ? kindOf(document, body.schema, [])
    : "anything";
}

/** Null is neither an object nor a list, so whatever may be null is anything. */
function kindOf(document: OpenApiDocument, schema: Schema, trail: readonly string[]): Kind {
  const { $ref, type, anyOf, oneOf, allOf } = schema;
  if (type === "object") return "object";
  if (type === "array") return "list";
  if ($ref !== undefined && trail.includes($ref)) return "anything";
  const here = $ref === undefined ? trail : [...trail, $ref];
  const kinds = (list: unknown): Kind[] => (Array.isArray(list) ? list : []).map((child) => nested(child));
  const nested = (child: unknown): Kind => (isNode(child) ? kindOf(document, child, here) : "anything");
  if ($ref !== undefined) return nested(lookUp(document, $ref));
  if (allOf !== undefined) return kinds(allOf).find((kind) => kind !== "anything") ?? "anything";
  return common(kinds(anyOf ?? oneOf));
}

/** What all of them are. */
function common([first = "anything", ...others]: readonly Kind[]): Kind {
  return others.every((kind) => kind === first) ? first : "anything";
}

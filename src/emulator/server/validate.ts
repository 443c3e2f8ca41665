import type { Operation, ValidationIssue } from "../../generated/validators.js";
import { type Complaint, Problem } from "./problem.ts";

type Values = Readonly<Record<string, unknown>>;

/**
 * The query as the operation takes it: texts turned into numbers, booleans and lists, defaults filled in.
 *
 * @throws Problem 422 for values that do not fit and for parameters the spec does not name.
 */
export function validQuery(operation: Operation, search: URLSearchParams): Values {
  const given: Record<string, unknown> = {};
  for (const name of new Set(search.keys())) given[name] = read(operation.query[name], search.getAll(name));
  check(operation.validateQuery, given, "query");
  return { ...operation.queryDefaults, ...given };
}

/**
 * Checks the path parameters.
 *
 * @throws Problem 422
 */
export function validPath(operation: Operation, path: Values): Values {
  // All of a path is text; where only a number fits, a text of digits is one.
  const numbered = Object.fromEntries(
    Object.entries(path).map(([name, text]) => [name, read("integer", [String(text)])]),
  );
  const values = [path, numbered].find((one) => operation.validatePath(one)) ?? path;
  check(operation.validatePath, values, "path");
  return values;
}

/**
 * Checks a JSON body; undefined when none was sent.
 *
 * @throws Problem 422
 */
export function validBody(operation: Operation, body: unknown): unknown {
  if (!operation.body) return undefined;
  if (body === undefined) {
    if (operation.body.required)
      throw new Problem(422, [{ loc: ["body"], msg: "Field required", type: "missing", input: null }]);
    return undefined;
  }
  check(operation.body.validate, body, "body");
  return body;
}

/** What is wrong with an answer of the emulator's own, by the spec; undefined when nothing is. */
export function answerFault(operation: Operation, status: number, body: unknown): string | undefined {
  const validate = operation.responses[String(status)];
  if (validate === undefined && status < 400) return `status ${status} is not declared`;
  if (!validate) return body === undefined || status >= 400 ? undefined : "no body is declared";
  if (validate(body)) return undefined;
  return (validate.errors ?? [])
    .map((issue) => `${issue.instancePath || "/"} ${issue.keyword} ${JSON.stringify(issue.params)}`)
    .join("; ");
}

function check(validate: Operation["validateQuery"], value: unknown, place: string): void {
  if (validate(value)) return;
  throw new Problem(
    422,
    telling(validate.errors ?? []).map((issue) => complaint(issue, value, place)),
  );
}

/** Of `X or null` only the complaint about X helps, and of a list's wrong type only that it is one. */
function telling(issues: readonly ValidationIssue[]): readonly ValidationIssue[] {
  const told = issues.filter(
    ({ keyword, params }) => !["anyOf", "oneOf"].includes(keyword) && params["type"] !== "null",
  );
  const mistyped = new Set(told.filter(({ keyword }) => keyword === "type").map(({ instancePath }) => instancePath));
  const clear = told.filter(({ instancePath, keyword }) => keyword !== "enum" || !mistyped.has(instancePath));
  return clear.length > 0 ? clear : issues;
}

function complaint(issue: ValidationIssue, value: unknown, place: string): Complaint {
  const { keyword, params } = issue;
  const path = issue.instancePath
    .split("/")
    .slice(1)
    .map((key) => key.replace(/~1/g, "/").replace(/~0/g, "~"));
  const missing = params["missingProperty"] ?? params["additionalProperty"];
  const input = at(value, keyword === "additionalProperties" ? [...path, String(missing)] : path);
  const loc = [place, ...path.map(indexOrName), ...(missing === undefined ? [] : [String(missing)])];
  return { loc, ...wording(keyword, params), input };
}

function wording(keyword: string, params: Values): { msg: string; type: string } {
  const limit = String(params["limit"] ?? "");
  switch (keyword) {
    case "required":
      return { type: "missing", msg: "Field required" };
    case "additionalProperties":
      return { type: "extra_forbidden", msg: "Extra inputs are not permitted" };
    case "type":
      return { type: "type_error", msg: `Input should be of type ${[params["type"]].flat().join(" or ")}` };
    case "enum":
      return { type: "enum", msg: `Input should be one of: ${[params["allowedValues"]].flat().join(", ")}` };
    case "const":
      return { type: "literal_error", msg: `Input should be ${JSON.stringify(params["allowedValue"])}` };
    case "format":
      return {
        type: `${params["format"]}_parsing`.replaceAll("-", ""),
        msg: `Input should be a valid ${params["format"]}`,
      };
    case "minLength":
      return { type: "string_too_short", msg: `String should have at least ${limit} characters` };
    case "maxLength":
      return { type: "string_too_long", msg: `String should have at most ${limit} characters` };
    case "minimum":
      return { type: "greater_than_equal", msg: `Input should be greater than or equal to ${limit}` };
    case "maximum":
      return { type: "less_than_equal", msg: `Input should be less than or equal to ${limit}` };
    case "minItems":
    case "minProperties":
      return { type: "too_short", msg: `Input should have at least ${limit} items` };
    case "maxItems":
    case "maxProperties":
      return { type: "too_long", msg: `Input should have at most ${limit} items` };
    default:
      return { type: `${keyword}_error`, msg: `Input does not fit: ${keyword}` };
  }
}

/** Text that does not read as its type stays as it is, and is refused then. */
function read(kind: string | undefined, values: readonly string[]): unknown {
  const last = values.at(-1) ?? "";
  if (kind === "array") return values;
  if (kind === "integer" && /^[+-]?\d+$/.test(last)) return Number(last);
  if (kind === "number" && /^[+-]?\d+(\.\d+)?$/.test(last)) return Number(last);
  if (kind === "boolean" && /^(true|1)$/i.test(last)) return true;
  if (kind === "boolean" && /^(false|0)$/i.test(last)) return false;
  return last;
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (inner !== null && typeof inner === "object" ? (inner as Values)[key] : undefined),
    value,
  );
}

function indexOrName(key: string): string | number {
  return /^\d+$/.test(key) ? Number(key) : key;
}

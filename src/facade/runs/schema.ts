import { refuseUnknown } from "../call/check.ts";
import { type Refused, refused, refusedBy, type StandardIssue } from "../call/issues.ts";
import { isRecord } from "../call/redact.ts";
import { InvalidInputError } from "../errors.ts";
import { type JsonSchemaWriter, typesOf, type WrittenSchema, writtenByHand, writtenByLibrary } from "./json-schema.ts";

/** What a library's schema has when it follows Standard Schema and gives JSON Schema: zod 4.2, arktype 2.1.28, wrapped valibot. */
export interface StandardSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly jsonSchema: JsonSchemaWriter;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** A JSON Schema by hand, and what turns the answer into the output; without `validate` only its outermost type is looked at. */
export interface JsonSchema<Output = unknown> {
  readonly jsonSchema: Readonly<Record<string, unknown>>;
  readonly validate?: (value: unknown) => Output | Promise<Output>;
}

/** What the output of a run must look like. */
export type OutputSchema<Output = unknown> = StandardSchema<Output> | JsonSchema<Output>;

/** A schema, ready for the wire and for what comes back. */
export interface Reader<Output> {
  /** What the agent is to write: the schema's input side. */
  readonly jsonSchema: WrittenSchema;
  readonly read: (answer: unknown) => Promise<Reading<Output>>;
}

/** An output, or why the answer gives none. */
export type Reading<Output> = { readonly output: Output; readonly issues?: undefined } | Refused;

type Validate<Output> = (value: unknown) => Promise<Reading<Output>>;

/**
 * Takes a schema apart before anything is sent.
 *
 * @throws {@link InvalidInputError} when it gives no JSON Schema.
 */
export function readerOf<Output>(schema: OutputSchema<Output>): Reader<Output> {
  const { jsonSchema, validate } = isStandard(schema) ? fromLibrary(schema) : fromHand(schema);
  return { jsonSchema, read: (answer) => readFirst(candidates(answer), validate) };
}

/**
 * What an answer may be meant as, the likeliest first. With `codeMode` it comes with the code that found it; the schema is for the answer
 * alone.
 */
function candidates(answer: unknown): readonly unknown[] {
  if (typeof answer === "string") return fromText(answer);
  if (!isRecord(answer)) return [answer];
  const { text, code, output = text, ...other } = answer;
  const isFromCode = typeof text === "string" && typeof code === "string" && Object.keys(other).length === 0;
  if (!isFromCode) return [answer];
  return [...(typeof output === "string" ? fromText(output) : [output]), answer];
}

/**
 * v2 always answers with text, v3 sometimes: what parses is tried first, the text itself second. A fence around all of it changes
 * nothing; JSON in the middle of prose may be an example, or one of two, and is not looked for.
 */
function fromText(text: string): readonly unknown[] {
  const [, fenced = text] = /^```(?:json)?[ \r]*\n(.*)```$/is.exec(text.trim()) ?? [];
  try {
    const value: unknown = JSON.parse(fenced);
    return value === null ? [null] : [value, text];
  } catch {
    return [text];
  }
}

/** The first that fits; when none does, what was wrong with the first. */
async function readFirst<Output>(values: readonly unknown[], validate: Validate<Output>): Promise<Reading<Output>> {
  let first: Refused | undefined;
  for (const value of values) {
    const reading = await readOne(value, validate).catch((cause: unknown) => refusedBy(cause, value));
    if (!reading.issues) return reading;
    first ??= reading;
  }
  return first ?? { issues: [] };
}

async function readOne<Output>(value: unknown, validate: Validate<Output>): Promise<Reading<Output>> {
  const path = inexactIn(value, []);
  return path ? { issues: [{ path, message: INEXACT }] } : validate(value);
}

const INEXACT = "is a number too big to be kept exactly: let the agent write it as text";

type Path = readonly (string | number)[];

/**
 * Where a whole number is that JavaScript cannot hold: the last digits of an id or of a sum have become others by now, and nobody
 * would notice.
 */
function inexactIn(value: unknown, path: Path): Path | undefined {
  if (typeof value === "number")
    return Number.isInteger(value) === Number.isSafeInteger(value) && Number.isFinite(value) ? undefined : path;
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const found = inexactIn(item, [...path, Array.isArray(value) ? Number(key) : key]);
    if (found) return found;
  }
  return undefined;
}

type Parts<Output> = { readonly jsonSchema: WrittenSchema; readonly validate: Validate<Output> };

const WANTED =
  "{ jsonSchema, validate } or a Standard Schema with JSON Schema: zod from 4.2 on, arktype from 2.1.28 on, valibot in toStandardJsonSchema()";

/** arktype's schemas are functions. */
function isStandard<Output>(schema: OutputSchema<Output>): schema is StandardSchema<Output> {
  return isRecord(Object(schema)["~standard"]);
}

function fromLibrary<Output>(schema: StandardSchema<Output>): Parts<Output> {
  // Callers without types pass schemas that have none.
  const { jsonSchema, vendor }: { readonly vendor: string; readonly jsonSchema?: JsonSchemaWriter } =
    schema["~standard"];
  if (!jsonSchema) throw new InvalidInputError(`schema is of ${vendor} and gives no JSON Schema. Pass ${WANTED}.`);
  checkValidate(schema["~standard"].validate);
  const validate = async (value: unknown) => {
    const result = await schema["~standard"].validate(value);
    return result.issues ? refused(result.issues, value) : { output: result.value };
  };
  return { jsonSchema: writtenByLibrary(jsonSchema), validate };
}

function fromHand<Output>(schema: JsonSchema<Output>): Parts<Output> {
  if (!isRecord(schema) || !isRecord(schema.jsonSchema)) throw new InvalidInputError(`schema must be ${WANTED}.`);
  const { jsonSchema, validate, ...unknown } = schema;
  refuseUnknown(unknown, "schema");
  if (validate !== undefined) checkValidate(validate);
  const asked = writtenByHand(jsonSchema);
  if (validate)
    return { jsonSchema: asked, validate: async (value) => ({ output: await validate.call(schema, value) }) };
  const types = typesOf(asked, asked);
  const takeItsWord = async (value: unknown): Promise<Reading<Output>> => {
    if (!types.some((type) => type === undefined || isOfType(type, value)))
      return { issues: [{ path: [], message: `is not of type ${types.join(" or ")}` }] };
    // Without a validator the caller's type is a claim about what the agent wrote; it was asked to write just that.
    return { output: value as Output };
  };
  return { jsonSchema: asked, validate: takeItsWord };
}

function checkValidate(validate: unknown): void {
  if (typeof validate !== "function") throw new InvalidInputError("schema: validate must be a function.");
}

/** Whether the outermost type fits, which keeps `"42"` a text where a text was asked for. */
function isOfType(type: unknown, value: unknown): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isRecord(value);
  return type === "integer" ? Number.isInteger(value) : typeof value === type;
}

import { InvalidInputError, type ValidationIssue } from "./errors.ts";
import { isRecord } from "./redact.ts";

const DIALECT = "draft-2020-12";

/** What a library's schema has when it follows Standard Schema and gives JSON Schema: zod 4.2, arktype 2.1.28, wrapped valibot. */
export interface StandardSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly jsonSchema?: { readonly input: (options: { readonly target: typeof DIALECT }) => Record<string, unknown> };
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A JSON Schema by hand, and what turns the answer into the output; without `validate` the answer is taken as it is. */
export interface JsonSchema<Output = unknown> {
  readonly jsonSchema: Readonly<Record<string, unknown>>;
  readonly validate?: (value: unknown) => Output | Promise<Output>;
}

/** What the output of a run must look like. */
export type OutputSchema<Output = unknown> = StandardSchema<Output> | JsonSchema<Output>;

/** A schema, ready for the wire and for what comes back. */
export interface Reader<Output> {
  /** What the agent is to write: the schema's input side. */
  readonly jsonSchema: Readonly<Record<string, unknown>>;
  readonly read: (answer: unknown) => Promise<Reading<Output>>;
}

/** An output, or why the answer gives none. */
export type Reading<Output> =
  | { readonly output: Output; readonly issues?: undefined }
  | { readonly issues: readonly ValidationIssue[]; readonly cause?: unknown };

/**
 * Takes a schema apart before anything is sent.
 *
 * @throws {@link InvalidInputError} when it gives no JSON Schema.
 */
export function readerOf<Output>(schema: OutputSchema<Output>): Reader<Output> {
  const validate = validatorOf(schema);
  return { jsonSchema: jsonSchemaOf(schema), read: (answer) => readFirst(candidates(answer), validate) };
}

/** v2 always answers with text, v3 sometimes: what parses is tried first, the text itself second. */
function candidates(answer: unknown): readonly unknown[] {
  if (typeof answer !== "string") return [answer];
  try {
    return [JSON.parse(answer), answer];
  } catch {
    return [answer];
  }
}

type Validate<Output> = (value: unknown) => Promise<Reading<Output>>;

/** The first that fits; when none does, what was wrong with the first. */
async function readFirst<Output>(values: readonly unknown[], validate: Validate<Output>): Promise<Reading<Output>> {
  let first: Reading<Output> | undefined;
  for (const value of values) {
    const reading = await validate(value).catch(toReading);
    if (!reading.issues) return reading;
    first ??= reading;
  }
  return first ?? { issues: [] };
}

/** What a validator throws says that the answer does not fit, and the answer is kept. */
function toReading(cause: unknown): { readonly issues: readonly ValidationIssue[]; readonly cause: unknown } {
  return { issues: [{ path: [], message: cause instanceof Error ? cause.message : String(cause) }], cause };
}

function validatorOf<Output>(schema: OutputSchema<Output>): Validate<Output> {
  if (!isStandard(schema)) return (value) => byHand(schema, value);
  return async (value) => {
    const result = await schema["~standard"].validate(value);
    return result.issues ? { issues: result.issues.map(toIssue) } : { output: result.value };
  };
}

async function byHand<Output>({ validate, jsonSchema }: JsonSchema<Output>, value: unknown): Promise<Reading<Output>> {
  if (validate) return { output: await validate(value) };
  const types = [jsonSchema["type"]].flat();
  if (!types.some((type) => type === undefined || isOfType(type, value)))
    return { issues: [{ path: [], message: `is not of type ${types.join(" or ")}` }] };
  // Without a validator the caller's type is a claim about what the agent wrote; it was asked to write just that.
  return { output: value as Output };
}

/** Whether the outermost type fits, which keeps `"42"` a text where a text was asked for. */
function isOfType(type: unknown, value: unknown): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isRecord(value);
  return type === "integer" ? Number.isInteger(value) : typeof value === type;
}

function toIssue({ message, path = [] }: StandardIssue): ValidationIssue {
  const keys = path.map((part) => (typeof part === "object" ? part.key : part));
  return { message, path: keys.map((key) => (typeof key === "number" ? key : String(key))) };
}

function isStandard<Output>(schema: OutputSchema<Output>): schema is StandardSchema<Output> {
  return (typeof schema === "object" || typeof schema === "function") && schema !== null && "~standard" in schema;
}

function jsonSchemaOf(schema: OutputSchema): Readonly<Record<string, unknown>> {
  if (!isStandard(schema)) {
    if (isRecord(schema) && isRecord(schema.jsonSchema)) return schema.jsonSchema;
    throw new InvalidInputError("schema must be a Standard Schema or { jsonSchema, validate }.");
  }
  const { jsonSchema, vendor } = schema["~standard"];
  if (!jsonSchema) throw new InvalidInputError(`schema gives no JSON Schema (${vendor}). ${WRAP}`);
  try {
    return jsonSchema.input({ target: DIALECT });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidInputError(`schema cannot be written as JSON Schema: ${reason}`, { cause });
  }
}

const WRAP = "Pass { jsonSchema, validate }, or wrap it: valibot has toStandardJsonSchema for that.";

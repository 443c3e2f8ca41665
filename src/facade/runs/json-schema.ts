import { isRecord } from "../call/redact.ts";
import { InvalidInputError } from "../errors.ts";

const DIALECT = "draft-2020-12";

/** How a library writes its schemas as JSON Schema. */
export interface JsonSchemaWriter {
  readonly input: (options: {
    readonly target: typeof DIALECT;
    readonly libraryOptions?: Record<string, unknown> | undefined;
  }) => Record<string, unknown>;
}

/** A JSON Schema that is sure to be JSON, whoever wrote it. */
export type WrittenSchema = Readonly<Record<string, unknown>>;

/** Stands, with what it is, in the place of what JSON does not have. */
const NOT_JSON = "~notJson";
const notJson = (what: unknown) => ({ [NOT_JSON]: String(what) });

interface Part {
  readonly jsonSchema: object;
  readonly errors?: readonly string[] | undefined;
}

/** Each library reads its own of these, and passes over the others'. */
const LIBRARY_OPTIONS = {
  // arktype would let the agent write anything where it must be a date, a Map or a bigint, which no answer can be.
  fallback: {
    date: () => notJson("Date"),
    proto: ({ proto }: { readonly proto: { readonly name: string } }) => notJson(proto.name),
    domain: ({ domain }: { readonly domain: string }) => notJson(domain),
    unit: ({ unit }: { readonly unit: unknown }) => (unit === undefined ? {} : notJson(unit)),
  },
  // valibot refuses checks that JSON Schema has no word for; zod and arktype leave them to the validation of the answer.
  overrideAction: ({ jsonSchema, errors }: Part) => errors && jsonSchema,
};

/** With these, zod and valibot go on where they would give up, so that the place is found. */
const TO_FIND_THE_PLACE = {
  ...LIBRARY_OPTIONS,
  unrepresentable: ({ message }: { readonly message: string }) => notJson(message),
  overrideSchema: ({ errors }: Part) => errors && notJson(errors[0]),
};

/**
 * What a library's schema takes in, as JSON Schema.
 *
 * @throws {@link InvalidInputError} naming the place, for what JSON cannot hold.
 */
export function writtenByLibrary(writer: JsonSchemaWriter): WrittenSchema {
  const write = (libraryOptions: Record<string, unknown>) => written(writer.input({ target: DIALECT, libraryOptions }));
  try {
    return write(LIBRARY_OPTIONS);
  } catch (first) {
    throw notWritable(placeOf(() => write(TO_FIND_THE_PLACE)) ?? first);
  }
}

/** Where it does not fit; undefined when the library cannot tell. */
function placeOf(write: () => unknown): Misfit | undefined {
  try {
    write();
  } catch (error) {
    if (error instanceof Misfit) return error;
  }
  return undefined;
}

function notWritable(cause: unknown): InvalidInputError {
  return new InvalidInputError(
    `schema cannot be written as JSON Schema (${reasonOf(cause)}). Let the agent write text, and transform it: z.iso.datetime().transform((text) => new Date(text)).`,
    { cause },
  );
}

/**
 * A JSON Schema by hand, as it will be sent.
 *
 * @throws {@link InvalidInputError} for what JSON would drop or change, and for a `$ref` into nowhere.
 */
export function writtenByHand(schema: WrittenSchema): WrittenSchema {
  try {
    const copy = written(schema, true);
    const lost = references(copy).find((reference) => pointed(copy, reference) === undefined);
    if (lost === undefined) return copy;
    throw new Misfit(`$ref ${JSON.stringify(lost)} leads nowhere`);
  } catch (cause) {
    throw new InvalidInputError(`schema.jsonSchema cannot be sent (${reasonOf(cause)}).`, { cause });
  }
}

class Misfit extends Error {}

/** The first line: an engine draws a circle over several. */
function reasonOf(cause: unknown): string {
  return String(cause instanceof Error ? cause.message : cause)
    .split("\n", 1)
    .join();
}

/** A copy as JSON, which nobody changes later, and of which nothing was dropped on the way. By hand, `undefined` is a mistake. */
function written(schema: unknown, byHand = false): WrittenSchema {
  const paths = new Map<unknown, string>();
  const text = JSON.stringify(schema, function (this: unknown, key, value: unknown) {
    const path = [paths.get(this), key].filter(Boolean).join(".");
    const misfit = value === undefined && byHand ? "undefined" : misfitOf(value);
    if (misfit !== undefined) throw new Misfit(`at ${path || "its root"}: ${misfit}`);
    paths.set(value, path);
    return value;
  });
  const copy: unknown = JSON.parse(text ?? "null");
  if (isRecord(copy)) return copy;
  throw new Misfit("it is no object");
}

/** What JSON would drop or change. */
function misfitOf(value: unknown): string | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : String(value);
  if (["bigint", "function", "symbol"].includes(typeof value)) return typeof value;
  if (!isRecord(value)) return undefined;
  // A Map, a RegExp, whatever is of a class: JSON would keep the braces of it. Plain objects of another realm are plain.
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype && Object.getPrototypeOf(prototype)) return prototype.constructor.name;
  // As zod writes a file.
  if (value["contentEncoding"] === "binary") return "bytes";
  const { [NOT_JSON]: what } = value;
  return what === undefined ? undefined : String(what);
}

function references(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const { $ref }: { readonly $ref?: unknown } = schema;
  const inner = Object.values(schema).flatMap(references);
  return typeof $ref === "string" && $ref.startsWith("#/") ? [$ref, ...inner] : inner;
}

/** What a reference within the schema points at; undefined for nothing. */
function pointed(root: WrittenSchema, reference: string): unknown {
  const names = decodeURIComponent(reference).split("/").slice(1);
  return names.reduce<unknown>((at, name) => {
    const fields: Readonly<Record<string, unknown>> = Object(at);
    const field = name.replaceAll("~1", "/").replaceAll("~0", "~");
    return Object.hasOwn(fields, field) ? fields[field] : undefined;
  }, root);
}

/** Deeper than the outermost type of any schema; one that goes in circles goes deeper. */
const DEEPEST = 5;

/** The outermost types that a schema allows; with undefined among them, all. */
export function typesOf(schema: unknown, root: WrittenSchema, depth = 0): readonly unknown[] {
  if (!isRecord(schema) || depth > DEEPEST) return [undefined];
  const { type, $ref, anyOf, oneOf = anyOf, properties } = schema;
  if (type !== undefined) return [type].flat();
  if (typeof $ref === "string" && $ref.startsWith("#")) return typesOf(pointed(root, $ref), root, depth + 1);
  if (Array.isArray(oneOf)) return oneOf.flatMap((one) => typesOf(one, root, depth + 1));
  return [properties && "object"];
}

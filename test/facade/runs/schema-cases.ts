import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { scope, type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import type { OutputSchema } from "../../../src/index.ts";

/** A schema, what an agent that keeps to it may write, and what the caller gets of it. */
type Case = readonly [name: string, schema: OutputSchema, writes: unknown, gives?: unknown];

const AT = "2026-03-01T10:00:00Z";
const wrap = toStandardJsonSchema;

interface Tree {
  readonly label: string;
  readonly leaves: readonly Tree[];
}
const TREE: Tree = { label: "a", leaves: [{ label: "b", leaves: [] }] };

interface Nest {
  readonly inner: Nest | string;
}
const nest: z.ZodType<Nest, Nest> = z.object({ inner: z.union([z.lazy(() => nest), z.string()]) });

const zodTree: z.ZodType<Tree, Tree> = z.object({ label: z.string(), leaves: z.array(z.lazy(() => zodTree)) });
const valibotTree: v.GenericSchema<Tree> = v.object({ label: v.string(), leaves: v.array(v.lazy(() => valibotTree)) });
const { tree: arktypeTree } = scope({ tree: { label: "string", leaves: "tree[]" } }).export();

const zod: readonly Case[] = [
  ["nested objects", z.object({ a: z.object({ b: z.object({ c: z.number() }) }) }), { a: { b: { c: 1 } } }],
  ["a list", z.array(z.string()), ["a", "b"]],
  ["a list with bounds", z.array(z.number().min(2).max(3)).min(2), [2, 3]],
  ["a text", z.string(), "a"],
  ["a number", z.number(), 1.5],
  ["a whole number", z.int().positive(), 7],
  ["a number in steps", z.number().gt(0).multipleOf(3), 6],
  ["a number in a narrow range", z.number().gt(0).lt(0.5), 0.25],
  ["a boolean", z.boolean(), false],
  ["null", z.null(), null],
  ["anything", z.unknown(), { a: 1 }],
  ["what may be missing", z.object({ a: z.string().optional(), b: z.string().nullish() }), {}],
  ["what may be null", z.object({ a: z.string().nullable() }), { a: null }],
  ["nothing found", z.object({ a: z.string() }).nullable(), null],
  ["defaults", z.object({ a: z.string().default("x"), b: z.number().prefault(1) }), {}, { a: "x", b: 1 }],
  ["a fallback", z.object({ a: z.number().catch(0) }), { a: 12 }],
  ["a transform", z.object({ a: z.string().transform(Number) }), { a: "12" }, { a: 12 }],
  ["a pipe", z.string().transform(Number).pipe(z.number().min(0)), "12", 12],
  ["a preprocessed number", z.preprocess((text) => Number(text), z.number()), 12],
  ["a codec", z.codec(z.iso.datetime(), z.date(), { decode: (t) => new Date(t), encode: String }), AT, new Date(AT)],
  ["a date", z.iso.datetime().transform((text) => new Date(text)), AT, new Date(AT)],
  ["a day", z.iso.date(), "2026-03-01"],
  ["a big id", z.string().regex(/^\d+$/).transform(BigInt), "12345678901234567890", 12345678901234567890n],
  ["coercion", z.object({ a: z.coerce.number(), b: z.coerce.string() }), { a: 12, b: "c" }],
  ["yes and no", z.stringbool(), "yes", true],
  ["a union", z.union([z.number(), z.boolean()]), true],
  [
    "a union of kinds",
    z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("found"), total: z.number() }),
      z.object({ kind: z.literal("missing"), why: z.string() }),
    ]),
    { kind: "missing", why: "closed" },
  ],
  ["an intersection", z.intersection(z.object({ a: z.string() }), z.object({ b: z.number() })), { a: "a", b: 1 }],
  ["one of some texts", z.enum(["a", "b"]), "b"],
  ["one of some values", z.literal(["a", 1, null]), 1],
  ["a record", z.record(z.string(), z.number()), { a: 1, b: 2 }],
  ["a record with known keys", z.record(z.enum(["a", "b"]), z.number()), { a: 1, b: 2 }],
  ["a tuple", z.tuple([z.string(), z.number()]), ["a", 1]],
  ["a tuple with a rest", z.tuple([z.string()], z.number()), ["a", 1, 2]],
  ["a tree", zodTree, TREE],
  ["a nest", nest, { inner: { inner: "egg" } }],
  ["any JSON", z.json(), { a: [1, null, { b: "c" }] }],
  ["definitions", z.object({ a: z.string().meta({ id: "Definition" }) }), { a: "a" }],
  ["a brand", z.object({ id: z.string().brand<"Id">() }), { id: "a" }],
  ["a refinement", z.string().refine((text) => text.length < 9), "a"],
  ["an asynchronous refinement", z.string().refine(async (text) => text.length < 9), "a"],
  ["nothing else", z.strictObject({ a: z.string() }), { a: "a" }],
  ["something else, left out", z.object({ a: z.string() }), { a: "a", b: 1 }, { a: "a" }],
  ["something else, kept", z.looseObject({ a: z.string() }), { a: "a", b: 1 }],
  ["something else of a type", z.object({ a: z.string() }).catchall(z.number()), { a: "a", b: 1 }],
  ["what is not to be changed", z.object({ a: z.string() }).readonly(), { a: "a" }],
  ["formats", z.object({ url: z.url(), mail: z.email(), id: z.uuid() }), formats()],
];

const valibot: readonly Case[] = [
  ["nested objects", wrap(v.object({ a: v.object({ b: v.number() }) })), { a: { b: 1 } }],
  ["a list", wrap(v.array(v.string())), ["a", "b"]],
  ["a text", wrap(v.string()), "a"],
  ["a whole number", wrap(v.pipe(v.number(), v.integer(), v.minValue(3))), 7],
  ["a boolean", wrap(v.boolean()), false],
  ["null", wrap(v.null()), null],
  ["anything", wrap(v.unknown()), { a: 1 }],
  ["what may be missing", wrap(v.object({ a: v.optional(v.string()), b: v.nullish(v.string()) })), {}],
  ["what may be null", wrap(v.object({ a: v.nullable(v.string()) })), { a: null }],
  ["defaults", wrap(v.object({ a: v.optional(v.string(), "x") })), {}, { a: "x" }],
  ["a transform", wrap(v.object({ a: v.pipe(v.string(), v.transform(Number)) })), { a: "12" }, { a: 12 }],
  ["a pipe", wrap(v.pipe(v.string(), v.transform(Number), v.number(), v.minValue(0))), "12", 12],
  [
    "a date",
    wrap(
      v.pipe(
        v.string(),
        v.isoTimestamp(),
        v.transform((t) => new Date(t)),
      ),
    ),
    AT,
    new Date(AT),
  ],
  ["a union", wrap(v.union([v.number(), v.boolean()])), true],
  [
    "a union of kinds",
    wrap(v.variant("kind", [v.object({ kind: v.literal("found") }), v.object({ kind: v.literal("missing") })])),
    { kind: "missing" },
  ],
  ["an intersection", wrap(v.intersect([v.object({ a: v.string() }), v.object({ b: v.number() })])), { a: "a", b: 1 }],
  ["one of some texts", wrap(v.picklist(["a", "b"])), "b"],
  ["a record", wrap(v.record(v.string(), v.number())), { a: 1 }],
  ["a tuple", wrap(v.tuple([v.string(), v.number()])), ["a", 1]],
  ["a tree", wrap(valibotTree), TREE],
  ["a brand", wrap(v.object({ id: v.pipe(v.string(), v.brand("Id")) })), { id: "a" }],
  [
    "a check",
    wrap(
      v.pipe(
        v.string(),
        v.trim(),
        v.check((text) => text.length < 9),
      ),
    ),
    " a",
    "a",
  ],
  ["nothing else", wrap(v.strictObject({ a: v.string() })), { a: "a" }],
  ["something else, left out", wrap(v.object({ a: v.string() })), { a: "a", b: 1 }, { a: "a" }],
  ["something else, kept", wrap(v.looseObject({ a: v.string() })), { a: "a", b: 1 }],
  ["what is not to be changed", wrap(v.pipe(v.object({ a: v.string() }), v.readonly())), { a: "a" }],
];

const arktype: readonly Case[] = [
  ["nested objects", type({ a: { b: "number" } }), { a: { b: 1 } }],
  ["a list", type("string[]"), ["a", "b"]],
  ["a list with bounds", type("1 <= number[] <= 3"), [1, 2]],
  ["a text", type("string"), "a"],
  ["a whole number", type("number.integer > 2"), 7],
  ["a boolean", type("boolean"), false],
  ["null", type("null"), null],
  ["anything", type("unknown"), { a: 1 }],
  ["what may be missing", type({ "a?": "string", "b?": "string | null" }), {}],
  ["what may be null", type({ a: "string | null" }), { a: null }],
  ["defaults", type({ a: "string = 'x'" }), {}, { a: "x" }],
  ["a transform", type({ a: "string.numeric.parse" }), { a: "12" }, { a: 12 }],
  ["a pipe", type("string").pipe(Number).to("number >= 0"), "12", 12],
  ["a date", type("string.date.iso.parse"), AT, new Date(AT)],
  ["a union", type("number | boolean"), true],
  ["a union of kinds", type({ kind: "'found'", total: "number" }).or({ kind: "'missing'" }), { kind: "missing" }],
  ["an intersection", type({ a: "string" }).and({ b: "number" }), { a: "a", b: 1 }],
  ["one of some values", type("'a' | 'b' | 1"), "b"],
  ["a record", type({ "[string]": "number" }), { a: 1 }],
  ["a tuple", type(["string", "number"]), ["a", 1]],
  ["a tree", arktypeTree, TREE],
  ["a brand", type({ id: "string#Id" }), { id: "a" }],
  ["a check", type("string").narrow((text) => text.length < 9), "a"],
  ["nothing else", type({ "+": "reject", a: "string" }), { a: "a" }],
  ["something else, left out", type({ "+": "delete", a: "string" }), { a: "a", b: 1 }, { a: "a" }],
  ["something else, kept", type({ a: "string" }), { a: "a", b: 1 }],
];

function formats(): object {
  return { url: "https://example.com/", mail: "a@example.com", id: "6fa459ea-ee8a-4ca4-894e-db77e160355e" };
}

const libraries = { zod, valibot, arktype };

/** What each library offers that an answer can be. */
export const cases = Object.entries(libraries).flatMap(([library, list]) =>
  list.map(([name, schema, writes, gives = writes]) => ({ library, name, schema, writes, gives })),
);

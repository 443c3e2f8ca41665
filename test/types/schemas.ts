import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { scope, type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { z as z3 } from "zod/v3";
import type { BrowserUse, OutputSchema, Run, RunReference, RunResult, V2Session, V3Session } from "../../src/index.ts";
import { same } from "./equal.ts";

declare const browserUse: BrowserUse;
declare const v2: V2Session;
declare const v3: V3Session;
declare const reference: RunReference;

/** What a run with this schema gives. */
declare function outputOf<Output>(schema: OutputSchema<Output>): Output;

interface Tree {
  label: string;
  leaves: Tree[];
}

// Output is what each library gives out, and nothing wider: not what it takes in, and never `any`.
export function zod() {
  const plain = outputOf(z.object({ a: z.string(), b: z.object({ c: z.number().optional() }), d: z.null() }));
  same<typeof plain, { a: string; b: { c?: number | undefined }; d: null }>();
  const changed = outputOf(z.object({ a: z.string().transform(Number), b: z.string().default("x") }));
  same<typeof changed, { a: number; b: string }>();
  const piped = outputOf(z.string().transform(Number).pipe(z.number()));
  same<typeof piped, number>();
  const date = outputOf(z.iso.datetime().transform((text) => new Date(text)));
  same<typeof date, Date>();
  const codec = outputOf(z.codec(z.string(), z.bigint(), { decode: BigInt, encode: String }));
  same<typeof codec, bigint>();
  const coerced = outputOf(z.coerce.number());
  same<typeof coerced, number>();
  const kinds = outputOf(
    z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("a"), total: z.number() }),
      z.object({ kind: z.literal("b") }),
    ]),
  );
  same<typeof kinds, { kind: "a"; total: number } | { kind: "b" }>();
  const nullable = outputOf(z.object({ a: z.string() }).nullable());
  same<typeof nullable, { a: string } | null>();
  const choice = outputOf(z.enum(["a", "b"]));
  same<typeof choice, "a" | "b">();
  const record = outputOf(z.record(z.string(), z.number()));
  same<typeof record, Record<string, number>>();
  const tuple = outputOf(z.tuple([z.string(), z.number()]));
  same<typeof tuple, [string, number]>();
  const Id = z.string().brand<"Id">();
  const branded = outputOf(Id);
  same<typeof branded, z.infer<typeof Id>>();
  const tree: z.ZodType<Tree> = z.object({ label: z.string(), leaves: z.array(z.lazy(() => tree)) });
  same<ReturnType<typeof treeOf>, Tree>();
  function treeOf() {
    return outputOf(tree);
  }
  const unknown = outputOf(z.unknown());
  same<typeof unknown, unknown>();
  // @ts-expect-error: what the schema takes in is not what comes out
  same<typeof changed, { a: string; b?: string | undefined }>();
}

export function valibot() {
  const plain = outputOf(toStandardJsonSchema(v.object({ a: v.string(), b: v.optional(v.number()) })));
  same<typeof plain, { a: string; b?: number | undefined }>();
  const changed = outputOf(
    toStandardJsonSchema(
      v.object({ a: v.pipe(v.string(), v.transform(Number)), b: v.optional(v.string(), "x"), c: v.nullable(v.null()) }),
    ),
  );
  same<typeof changed, { a: number; b: string; c: null }>();
  const kinds = outputOf(
    toStandardJsonSchema(v.variant("kind", [v.object({ kind: v.literal("a") }), v.object({ kind: v.literal("b") })])),
  );
  same<typeof kinds, { kind: "a" } | { kind: "b" }>();
  const choice = outputOf(toStandardJsonSchema(v.picklist(["a", "b"])));
  same<typeof choice, "a" | "b">();
  const tree: v.GenericSchema<Tree> = v.object({ label: v.string(), leaves: v.array(v.lazy(() => tree)) });
  const grown = outputOf(toStandardJsonSchema(tree));
  same<typeof grown, Tree>();
}

export function arktype() {
  const plain = outputOf(type({ a: "string", "b?": "number | null" }));
  same<typeof plain, { a: string; b?: number | null }>();
  const changed = outputOf(type({ a: "string.numeric.parse", b: "string = 'x'" }));
  same<typeof changed, { a: number; b: string }>();
  const date = outputOf(type("string.date.iso.parse"));
  same<typeof date, Date>();
  const kinds = outputOf(type({ kind: "'a'" }).or({ kind: "'b'" }));
  same<typeof kinds, { kind: "a" } | { kind: "b" }>();
  const choice = outputOf(type("'a' | 'b'"));
  same<typeof choice, "a" | "b">();
  const tuple = outputOf(type(["string", "number"]));
  same<typeof tuple, [string, number]>();
  const { tree } = scope({ tree: { label: "string", leaves: "tree[]" } }).export();
  const { label, leaves } = outputOf(tree);
  same<typeof label, string>();
  same<(typeof leaves)[number]["label"], string>();
}

export function byHand() {
  const validated = outputOf({ jsonSchema: {}, validate: (value) => String(value) });
  same<typeof validated, string>();
  const late = outputOf({ jsonSchema: {}, validate: async (value) => Number(value) });
  same<typeof late, number>();
  const claimed = outputOf<{ total: number }>({ jsonSchema: {} });
  same<typeof claimed, { total: number }>();
  // Nothing is claimed: nothing is known.
  const unclaimed = outputOf({ jsonSchema: {} });
  same<typeof unclaimed, unknown>();
  // @ts-expect-error: misspelled
  outputOf({ jsonSchema: {}, validator: String });
  // @ts-expect-error: a JSON Schema is an object here
  outputOf({ jsonSchema: true });
  // @ts-expect-error: a JSON Schema alone is no schema: it is wrapped
  outputOf({ type: "object" });
}

// A schema that may be missing: then the answer may come as it is.
export async function perhaps<T extends { id: string }>(schema: OutputSchema<T> | undefined, sure: OutputSchema<T>) {
  const results = [
    await v2.run("Go", { schema }),
    await browserUse.v2.run("Go", { schema }),
    await (await v2.start("Go", { schema })).result(),
  ] as const;
  same<(typeof results)[number], RunResult<T | string | null>>();
  const open = [
    await v3.run("Go", { schema }),
    await browserUse.v3.run("Go", { schema }),
    await (await v3.start("Go", { schema })).result(),
    await browserUse.resume(reference, { schema }).result(),
  ] as const;
  same<(typeof open)[number], RunResult<unknown>>();
  const known = [
    await v2.run("Go", { schema: sure }),
    await v3.run("Go", { schema: sure }),
    await browserUse.v2.run("Go", { schema: sure, maxSteps: 3 }),
    await browserUse.v3.run("Go", { schema: sure, maxCostUsd: 3 }),
  ] as const;
  same<(typeof known)[number], RunResult<T>>();
  const runs = [
    await v2.start("Go", { schema: sure }),
    await v3.start("Go", { schema: sure }),
    browserUse.resume(reference, { schema: sure }),
  ] as const;
  same<(typeof runs)[number], Run<T>>();
}

// No schema, said in other ways.
export async function none() {
  const texts = [
    await v2.run("Go", { schema: undefined }),
    await v2.run("Go", {}),
    await v2.run("Go", undefined),
    await browserUse.v2.run("Go", { schema: undefined }),
    await (await v2.start("Go", { schema: undefined })).result(),
  ] as const;
  same<(typeof texts)[number], RunResult<string | null>>();
  const anything = [
    await v3.run("Go", { schema: undefined }),
    await browserUse.v3.run("Go", { schema: undefined }),
    await browserUse.resume(reference, { schema: undefined }).result(),
    await browserUse.resume(reference, {}).result(),
  ] as const;
  same<(typeof anything)[number], RunResult<unknown>>();
}

// A schema of which nothing is known, as untyped code has it, promises nothing: least of all a text.
export async function untyped(schema: ReturnType<typeof JSON.parse>) {
  const result = await v2.run("Go", { schema });
  // @ts-expect-error: it may be anything
  result.output?.length;
  // @ts-expect-error: null is no schema
  await v2.run("Go", { schema: null });
}

// What gives no JSON Schema is no schema.
export function withoutJsonSchema() {
  // @ts-expect-error: valibot has to be wrapped
  outputOf(v.object({ a: v.string() }));
  // @ts-expect-error: zod 3 cannot
  outputOf(z3.object({ a: z3.string() }));
}

import { type Node, type OpenApiDocument, operationsOf, schemasOf } from "../spec/document.ts";
import { asDocument } from "../spec/read.ts";
import type { ApiVersion } from "../versions.ts";
import { bundle, type Part } from "./bundle.ts";
import { check, leftToOverlay } from "./check.ts";
import { layout } from "./layout.ts";
import { losses } from "./lost.ts";
import { missingIn } from "./missing.ts";
import { assertOutline } from "./outline.ts";
import { type Fragment, parseSource, type Source } from "./parse.ts";
import { repairs } from "./repairs/index.ts";
import { entries } from "./repairs/placed.ts";
import { type Context, refuse } from "./repairs/repair.ts";
import type { Report } from "./report.ts";
import type { Bytes } from "./source.ts";
import { LeftBehind, structureOf } from "./structure.ts";
import { Tally } from "./tally.ts";
import { textOf } from "./text.ts";
import { tidyings } from "./tidy.ts";

/** What an import gives: the text of the structure file, and what was found on the way. */
export interface Imported {
  readonly text: string;
  readonly report: Omit<Report, "out" | "result">;
}

/**
 * Turns a source of the vendor into a structure file: reads it, mends each of its documents, puts them together, tidies up,
 * and checks the result. Writes nothing.
 *
 * @throws {@link SpecError} naming the place that cannot be mended.
 */
export async function importSpec({ bytes, file }: Bytes, version: ApiVersion): Promise<Imported> {
  const source = await parseSource(textOf(bytes, file), file);
  const tally = new Tally();
  countFragments(source, tally);
  const parts = source.fragments.map((fragment) => mended(fragment, { version, file, part: fragment.part }, tally));
  const whole = tidied(asDocument(bundle(parts, version, file), file), source, version, tally);
  const document = asDocument(structureOf({ ...whole, openapi: "3.1.0" }), file);
  await check(document, version, file);
  return { text: layout(structureOf(document), version), report: reportOf(document, source, tally, { version, file }) };
}

/** One document of the source, repaired and reduced to structure in its stable order. */
function mended({ document, part, address }: Fragment, context: Context, tally: Tally): Part {
  assertOutline(document, context);
  assertAddress(address, context);
  for (const repair of repairs) tally.add("repaired", repair, repair.repair(document, context));
  const left = new LeftBehind();
  const structure = structureOf(document, left);
  for (const { count, ...kind } of left.counts()) tally.add("dropped", kind, count);
  return { document: structure, part };
}

/** A page says above each operation where it lives: a page of another version is not taken for this one. */
function assertAddress(address: string | undefined, context: Context): void {
  const { server, name } = context.version;
  if (address === undefined || address.startsWith(`${server}/`) || !address.startsWith(new URL(server).origin)) return;
  refuse(context, "", `describes ${address.slice(0, 200)}, which is not below ${server}; is it really ${name}?`);
}

function tidied(start: OpenApiDocument, { format }: Source, version: ApiVersion, tally: Tally): OpenApiDocument {
  let whole = start;
  for (const tidying of tidyings) {
    const { document, count } = tidying.apply(whole, format, version);
    tally.add(tidying.heading, tidying, count);
    whole = document;
  }
  return whole;
}

/** Counted before anything is repaired: repairs add schemas of their own. */
function countFragments({ fragments }: Source, tally: Tally): void {
  const names = fragments.flatMap(({ document }) => schemaNames(document));
  const kind = { name: "one-document-per-operation", description: "documents put together to one" };
  const note = `${names.length} schemas in them, ${new Set(names).size} different`;
  tally.add("repaired", kind, fragments.length > 1 ? { found: fragments.length, note } : { found: 0 });
}

function schemaNames({ components }: Node): string[] {
  const [, schemas] = entries(components).find(([kind]) => kind === "schemas") ?? [];
  return entries(schemas).map(([name]) => name);
}

function reportOf(
  document: OpenApiDocument,
  { format, fragments }: Source,
  tally: Tally,
  { version, file }: Pick<Context, "version" | "file">,
): Imported["report"] {
  return {
    source: file,
    format,
    version: version.name,
    fragments: fragments.length,
    operations: operationsOf(document).length,
    schemas: Object.keys(schemasOf(document)).length,
    repaired: tally.list("repaired"),
    dropped: tally.list("dropped"),
    lost: losses.map((loss) => missingIn(document, loss)),
    leftToOverlay: leftToOverlay.map((missing) => missingIn(document, missing)),
  };
}

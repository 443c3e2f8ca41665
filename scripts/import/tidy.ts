import { isNode, type OpenApiDocument, operationsOf, schemasOf } from "../spec/document.ts";
import { lookUp } from "../spec/references.ts";
import type { ApiVersion } from "../versions.ts";
import { putBack } from "./hoisted.ts";
import type { Format } from "./parse.ts";
import { reachedFrom, renameSchemas, toPointer } from "./references.ts";
import type { Count } from "./repairs/repair.ts";

/** A change that needs the whole document; gives the changed one. */
export interface Tidying {
  readonly name: string;
  readonly description: string;
  /** Under which heading it is reported. */
  readonly heading: "repaired" | "dropped";
  apply(document: OpenApiDocument, format: Format, version: ApiVersion): { document: OpenApiDocument; count: Count };
}

const LONG_NAME = /^[a-z][a-z0-9_]*__([A-Z][A-Za-z0-9]*)$/;

const unwantedPaths: Tidying = {
  name: "unwanted-paths",
  description: "operations that are no part of the client",
  heading: "dropped",
  apply: (document, _, { droppedPaths = [] }) => {
    const [kept, gone] = partition(Object.entries(document.paths), ([path]) => !isBelow(path, droppedPaths));
    const found = operationsOf({ ...document, paths: Object.fromEntries(gone) }).length;
    return { document: { ...document, paths: Object.fromEntries(kept) }, count: { found } };
  },
};

/** Page generators give a name to what was written in place: `Task.vision` becomes the schema `TaskVision`. */
const hoistedTypes: Tidying = {
  name: "hoisted-types",
  description: "types written in place that were given a name, put back",
  heading: "repaired",
  apply: (document, format) => {
    let found = 0;
    const result = structuredClone(document);
    if (format === "page") for (let put = putBack(result); put > 0; put = putBack(result)) found += put;
    return { document: result, count: { found } };
  },
};

const unreachable: Tidying = {
  name: "unreachable",
  description: "schemas and other components that nothing uses",
  heading: "dropped",
  apply: (document) => {
    const reached = reachedFrom(document, document.paths);
    let found = 0;
    const kinds = Object.entries(document.components).map(([kind, members]): [string, unknown] => {
      if (kind === "securitySchemes" || !isNode(members)) return [kind, members];
      const kept = Object.entries(members).filter(([name]) => reached.has(`#/components/${kind}/${toPointer(name)}`));
      found += Object.keys(members).length - kept.length;
      return [kind, Object.fromEntries(kept)];
    });
    const filled = kinds.filter(([, members]) => !isNode(members) || Object.keys(members).length > 0);
    return { document: { ...document, components: Object.fromEntries(filled) }, count: { found } };
  },
};

/** `app__endpoints__tasks__views__RunTaskRequest` → `RunTaskRequest`, unless another schema has that name. */
const longNames: Tidying = {
  name: "long-names",
  description: "schemas named by the path of a module",
  heading: "repaired",
  apply: (document) => {
    const names = Object.keys(schemasOf(document));
    const short = names.flatMap((name) => {
      const [, tail] = LONG_NAME.exec(name) ?? [];
      return tail === undefined ? [] : [[name, tail] as const];
    });
    const taken = occurrences([...names, ...short.map(([, tail]) => tail)]);
    const free = short.filter(([, tail]) => taken.get(tail) === 1);
    const count = { found: short.length, left: short.length - free.length };
    return { document: free.length === 0 ? document : renameSchemas(document, new Map(free)), count };
  },
};

/** A body that may be left out although its schema has required properties. */
const bodies: Tidying = {
  name: "body-without-required",
  description: "bodies that do not say whether they are required",
  heading: "repaired",
  apply: (document) => {
    const result = structuredClone(document);
    const silent = operationsOf(result).flatMap(({ operation: { requestBody } }) =>
      isNode(requestBody) && !("$ref" in requestBody) && requestBody.required === undefined ? [requestBody] : [],
    );
    const needed = silent.filter((body) => [...mediaSchemas(body)].some((schema) => needsProperties(result, schema)));
    for (const body of needed) body.required = true;
    const left = silent.length - needed.length;
    const why = left === 0 ? {} : { note: "nothing in them is required, so they stay optional" };
    return { document: result, count: { found: silent.length, left, ...why } };
  },
};

/** In the order in which they apply: a name becomes free when what held it is dropped. */
export const tidyings: readonly Tidying[] = [unwantedPaths, hoistedTypes, unreachable, longNames, bodies];

function isBelow(path: string, roots: readonly string[]): boolean {
  return roots.some((unwanted) => path === unwanted || path.startsWith(`${unwanted}/`));
}

function occurrences(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}

function* mediaSchemas({ content }: { content?: unknown }): Generator<unknown> {
  for (const media of Object.values(isNode(content) ? content : {})) if (isNode(media)) yield media["schema"];
}

function needsProperties(document: OpenApiDocument, schema: unknown): boolean {
  const reference = isNode(schema) ? schema["$ref"] : undefined;
  const target = typeof reference === "string" ? lookUp(document, reference) : schema;
  return isNode(target) && Array.isArray(target["required"]) && target["required"].length > 0;
}

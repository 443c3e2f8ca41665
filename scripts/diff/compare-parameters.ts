import type { Node } from "../spec/document.ts";
import type { Change, Flow } from "./change.ts";
import { deprecationChanges } from "./compare-schema.ts";
import { nodesIn } from "./loose.ts";
import type { ReadOperation, ReadParameter } from "./operations.ts";
import { asSchema } from "./schema-reader.ts";
import { type Compared, type Step, schemaStep } from "./steps.ts";

const flow: Flow = { role: "request", sense: 1 };
const PLACES: readonly string[] = ["query", "header", "cookie"];

/** Compares what is sent beside the body. Path parameters are matched by position, all others by name. */
export function compareParameters(old: ReadOperation, fresh: ReadOperation): Compared {
  const before = byName(old);
  const after = byName(fresh);
  const pairs = [...before].flatMap(([key, one]) => {
    const other = after.get(key);
    return other ? [comparePair(one, other)] : [];
  });
  const path = pathPairs(old, fresh);
  return {
    changes: [
      ...[...before].filter(([key]) => !after.has(key)).map(([, one]) => removal(one)),
      ...[...after].filter(([key]) => !before.has(key)).map(([, one]) => addition(one)),
      ...path.flatMap(renaming),
      ...[...pairs, ...path.map(([one, other]) => comparePair(one, other))].flatMap(({ changes }) => changes),
    ],
    next: [...pairs, ...path.map(([one, other]) => comparePair(one, other))].flatMap(({ next }) => next),
  };
}

function byName({ parameters }: ReadOperation): ReadonlyMap<string, ReadParameter> {
  const named = parameters.filter((parameter) => PLACES.includes(parameter.in));
  return new Map(named.map((parameter) => [placeOf(parameter), parameter]));
}

function placeOf({ in: place, name }: ReadParameter): string {
  return `${place} parameter ${name}`;
}

function pathPairs(old: ReadOperation, fresh: ReadOperation): [ReadParameter, ReadParameter][] {
  const after = inPath(fresh);
  return inPath(old).flatMap((one, index) => {
    const other = after[index];
    return other ? [[one, other] as [ReadParameter, ReadParameter]] : [];
  });
}

function inPath({ path, parameters }: ReadOperation): ReadParameter[] {
  const names = [...path.matchAll(/\{([^}]*)\}/g)].map(([, name = ""]) => name);
  return names.map(
    (name) => parameters.find((one) => one.in === "path" && one.name === name) ?? { in: "path", name, parameter: {} },
  );
}

function renaming([{ name: before }, after]: [ReadParameter, ReadParameter]): Change[] {
  if (before === after.name) return [];
  return [{ kind: "path-parameter-renamed", place: placeOf(after), flow, before, after: after.name }];
}

function removal(parameter: ReadParameter): Change {
  return { kind: "parameter-removed", place: placeOf(parameter), flow, before: presence(parameter) };
}

function addition(parameter: ReadParameter): Change {
  return { kind: "parameter-added", place: placeOf(parameter), flow, after: presence(parameter) };
}

function presence({ parameter }: ReadParameter): string {
  return parameter["required"] === true ? "required" : "optional";
}

function comparePair(old: ReadParameter, fresh: ReadParameter): Compared {
  const place = placeOf(fresh);
  const details = [
    ...(old.in === "path" ? [] : requiredChanges(presence(old), presence(fresh))),
    ...encodingChanges(encodingOf(old), encodingOf(fresh)),
    ...deprecationChanges(old.parameter["deprecated"], fresh.parameter["deprecated"]),
  ];
  return {
    changes: details.map((detail) => ({ ...detail, place, flow })),
    next: [schemaOf(old.parameter, fresh.parameter, place)],
  };
}

type Detail = Pick<Change, "kind" | "before" | "after">;

function requiredChanges(before: string, after: string): Detail[] {
  if (before === after) return [];
  return [{ kind: after === "required" ? "parameter-required" : "parameter-optional" }];
}

function encodingChanges(before: string, after: string): Detail[] {
  return before === after ? [] : [{ kind: "parameter-encoding-changed", before, after }];
}

/** How the value is written, with what OpenAPI says where the parameter says nothing. */
function encodingOf({ in: place, parameter }: ReadParameter): string {
  const [mediaType] = nodesIn(parameter["content"]);
  if (mediaType) return mediaType[0];
  const style = String(parameter["style"] ?? (place === "query" || place === "cookie" ? "form" : "simple"));
  const exploded = (parameter["explode"] ?? style === "form") ? "exploded " : "";
  return `${exploded}${style}${parameter["allowReserved"] === true ? " with reserved characters" : ""}`;
}

function schemaOf(old: Node, fresh: Node, place: string): Step {
  return schemaStep(valueSchema(old), valueSchema(fresh), flow, place);
}

/** A parameter or header has either a schema, or content with one. */
export function valueSchema(parameter: Node): Node {
  const [content] = nodesIn(parameter["content"]);
  return asSchema(parameter["schema"] ?? content?.[1]["schema"]);
}

import { canonical } from "../spec/canonical.ts";
import type { Node } from "../spec/document.ts";
import { BOUNDS, CONDITION_MAPS, CONDITIONS, RULES } from "./keywords.ts";
import { entriesIn, listIn, textsIn } from "./loose.ts";
import { ANYTHING, asSchema, type SchemaReader } from "./schema-reader.ts";
import { type Branch, valuesOf } from "./view.ts";

/** A limit: how far it goes, and whether the value itself is still inside. */
export interface Bound {
  readonly value: number;
  readonly exclusive: boolean;
}

/** Everything that a branch says, with its atoms put together. Keywords that do not concern its type are left out. */
export interface Facts {
  /** The listed values as JSON, or undefined where nothing is listed. Null is not among them. */
  readonly values: readonly string[] | undefined;
  readonly open: boolean;
  readonly bounds: ReadonlyMap<string, Bound>;
  readonly rules: ReadonlyMap<string, readonly string[]>;
  readonly unique: boolean;
  readonly properties: ReadonlyMap<string, Node>;
  readonly required: ReadonlySet<string>;
  /** Are unlisted properties refused? */
  readonly closed: boolean;
  /** What unlisted properties must match. */
  readonly additional: Node;
  readonly items: Node;
  readonly prefix: readonly Node[];
  /** Keywords with a schema inside, such as `not` and `patternProperties.^x-`. */
  readonly conditions: ReadonlyMap<string, Node>;
}

const NO_SCHEMA: readonly unknown[] = [undefined, true];

/** Puts the atoms of a branch together. */
export function factsOf(reader: SchemaReader, { atoms, type }: Branch): Facts {
  const all = (keyword: string) => atoms.map((atom) => atom[keyword]).filter((value) => !NO_SCHEMA.includes(value));
  const joined = (keyword: string) => join(reader, all(keyword));
  return {
    values: listedValues(atoms, type),
    open: atoms.some((atom) => atom["x-open-enum"] === true),
    bounds: boundsOf(atoms, type),
    rules: rulesOf(atoms, type),
    unique: concerns(type, "array") && atoms.some(({ uniqueItems }) => uniqueItems === true),
    properties: concerns(type, "object") ? propertiesOf(reader, atoms) : new Map(),
    required: new Set(concerns(type, "object") ? atoms.flatMap(({ required }) => textsIn(required)) : []),
    closed: [...all("additionalProperties"), ...all("unevaluatedProperties")].includes(false),
    additional: joined("additionalProperties"),
    items: joined("items"),
    prefix: concerns(type, "array") ? prefixOf(reader, atoms) : [],
    conditions: conditionsOf(reader, atoms, type),
  };
}

function concerns(type: string, subjects: string): boolean {
  const subject = type === "integer" ? "number" : type;
  return type === "any" || subjects.split(" ").includes(subject);
}

function join(reader: SchemaReader, values: readonly unknown[]): Node {
  return values.length === 0 ? ANYTHING : reader.conjunction(values.map(asSchema));
}

function listedValues(atoms: readonly Node[], type: string): readonly string[] | undefined {
  const lists = atoms.map(valuesOf).filter((values) => values !== undefined);
  const [first, ...others] = lists.map((values) => new Set(values.filter((value) => fits(value, type)).map(written)));
  if (first === undefined) return undefined;
  return [...first].filter((value) => others.every((list) => list.has(value))).sort();
}

function fits(value: unknown, type: string): boolean {
  if (value === null) return false;
  if (type === "any") return true;
  if (Array.isArray(value)) return type === "array";
  return typeof value === (type === "integer" ? "number" : type);
}

function boundsOf(atoms: readonly Node[], type: string): ReadonlyMap<string, Bound> {
  const bounds = new Map<string, Bound>();
  for (const [keyword, subject] of Object.entries(BOUNDS)) {
    if (!concerns(type, subject)) continue;
    for (const atom of atoms) for (const bound of boundsIn(atom, keyword, type)) tighten(bounds, keyword, bound);
  }
  return bounds;
}

function boundsIn(atom: Node, keyword: string, type: string): Bound[] {
  const exclusive = atom[keyword.replace("m", "exclusiveM")];
  const value = atom[keyword];
  const pointless = value === 0 && /^min[LIP]/.test(keyword);
  return [
    ...(typeof value === "number" && !pointless ? [{ value, exclusive: false }] : []),
    ...(typeof exclusive === "number" ? [beyond(exclusive, keyword, type)] : []),
  ];
}

/** More than 0 is 1 and more, for integers. */
function beyond(value: number, keyword: string, type: string): Bound {
  if (type !== "integer" || !Number.isInteger(value)) return { value, exclusive: true };
  return { value: keyword === "minimum" ? value + 1 : value - 1, exclusive: false };
}

function tighten(bounds: Map<string, Bound>, keyword: string, bound: Bound): void {
  const known = bounds.get(keyword);
  if (known === undefined || tightness(keyword, bound, known) > 0) bounds.set(keyword, bound);
}

/** Positive when the first bound lets fewer values pass than the second, zero when they are equal. */
export function tightness(keyword: string, one: Bound, other: Bound): number {
  if (one.value === other.value) return Number(one.exclusive) - Number(other.exclusive);
  return (keyword.startsWith("min") ? 1 : -1) * (one.value - other.value);
}

function rulesOf(atoms: readonly Node[], type: string): ReadonlyMap<string, readonly string[]> {
  const concerned = Object.entries(RULES).filter(([, subjects]) => concerns(type, subjects));
  const found = concerned.map(([keyword]) => [keyword, [...new Set(atoms.flatMap(said(keyword)))].sort()] as const);
  return new Map(found.filter(([, values]) => values.length > 0));
}

function said(keyword: string): (atom: Node) => string[] {
  return ({ [keyword]: value }) =>
    value === undefined ? [] : [typeof value === "string" ? value : written(canonical(value))];
}

function propertiesOf(reader: SchemaReader, atoms: readonly Node[]): ReadonlyMap<string, Node> {
  return joinByName(
    reader,
    atoms.flatMap(({ properties }) => entriesIn(properties)),
  );
}

function joinByName(reader: SchemaReader, entries: readonly [string, unknown][]): ReadonlyMap<string, Node> {
  const found = new Map<string, unknown[]>();
  for (const [name, schema] of entries) {
    const known = found.get(name);
    if (known) known.push(schema);
    else found.set(name, [schema]);
  }
  return new Map([...found].map(([name, schemas]) => [name, join(reader, schemas)]));
}

function prefixOf(reader: SchemaReader, atoms: readonly Node[]): readonly Node[] {
  const lists = atoms.map(({ prefixItems }) => listIn(prefixItems));
  const length = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length }, (_, index) =>
    join(
      reader,
      lists.filter((list) => index < list.length).map((list) => list[index]),
    ),
  );
}

function conditionsOf(reader: SchemaReader, atoms: readonly Node[], type: string): ReadonlyMap<string, Node> {
  const keywords = Object.keys(CONDITIONS).filter((keyword) => conditionConcerns(keyword, type));
  const single = atoms.flatMap((atom) => entriesIn(atom).filter(([keyword]) => keywords.includes(keyword)));
  const mapped = Object.keys(CONDITION_MAPS).flatMap((keyword) =>
    concerns(type, "object") ? atoms.flatMap((atom) => entriesIn(atom[keyword]).map(below(keyword))) : [],
  );
  // `unevaluatedProperties: false` closes an object, which is said above.
  return joinByName(reader, [...single.filter(([, schema]) => typeof schema !== "boolean"), ...mapped]);
}

function below(keyword: string): (entry: [string, unknown]) => [string, unknown] {
  return ([name, schema]) => [`${keyword}.${name}`, schema];
}

/** How a condition weighs on the values that pass. */
export function senseOf(condition: string): 1 | -1 | 0 {
  const [keyword = ""] = condition.split(".");
  return ({ ...CONDITIONS, ...CONDITION_MAPS } as Record<string, 1 | -1 | 0>)[keyword] ?? 0;
}

function conditionConcerns(keyword: string, type: string): boolean {
  if (["contains", "unevaluatedItems"].includes(keyword)) return concerns(type, "array");
  return ["propertyNames", "unevaluatedProperties"].includes(keyword) ? concerns(type, "object") : true;
}

function written(value: unknown): string {
  return JSON.stringify(value);
}

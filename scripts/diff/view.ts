import type { Node } from "../spec/document.ts";
import { listIn, textsIn } from "./loose.ts";
import type { Alternative, SchemaReader } from "./schema-reader.ts";

/** A JSON type, or `any` where a schema names none. */
export type Type = "any" | "array" | "boolean" | "integer" | "number" | "object" | "string";

/** What a schema says of the values of one type. Null is a matter of the whole schema, not of a branch. */
export interface Branch {
  /** The same for equal branches of one document. */
  readonly key: string;
  readonly type: Type;
  readonly name?: string;
  readonly atoms: readonly Node[];
}

/** A schema, taken apart: `anyOf: [X, null]`, `type: [x, null]` and a reference to either give the same. */
export interface View {
  readonly nullable: boolean;
  readonly branches: readonly Branch[];
}

const TYPES: readonly string[] = ["array", "boolean", "integer", "number", "object", "string", "null"];

/** Takes a schema apart by the types of the values that match. */
export function viewOf(reader: SchemaReader, schema: Node): View {
  const alternatives = reader.alternatives(schema);
  const branches = alternatives.flatMap((alternative) => branchesOf(reader, alternative));
  return {
    nullable: alternatives.some(({ atoms }) => atoms.every(takesNull)),
    branches: [...new Map(branches.map((branch) => [branch.key, branch])).values()],
  };
}

/** The values that an atom lists, or undefined when it lists none. */
export function valuesOf({ enum: list, ...atom }: Node): readonly unknown[] | undefined {
  if (Object.hasOwn(atom, "const")) return [atom["const"]];
  return Array.isArray(list) ? list : undefined;
}

function branchesOf(reader: SchemaReader, { atoms, ...named }: Alternative): Branch[] {
  const identity = atoms.map((atom) => reader.identify(atom)).sort((a, b) => a - b);
  return typesOf(atoms).map((type) => ({ key: `${type}:${identity.join("&")}`, type, atoms, ...named }));
}

function typesOf(atoms: readonly Node[]): Type[] {
  const named = atoms.map(typesOfAtom).filter((types) => types !== undefined);
  const [first, ...others] = named;
  if (first === undefined) return ["any"];
  const common = others.reduce((left, right) => intersect(left, right), first);
  // "null" is taken out, and everything else in the list is a type.
  return [...common].filter((type) => type !== "null") as Type[];
}

function typesOfAtom(atom: Node): ReadonlySet<string> | undefined {
  const declared = textsIn(atom["type"]).filter((type) => TYPES.includes(type));
  if (declared.length > 0) return new Set(declared);
  const values = valuesOf(atom);
  return values && new Set(values.map(typeOf));
}

function intersect(left: ReadonlySet<string>, right: ReadonlySet<string>): ReadonlySet<string> {
  const has = (types: ReadonlySet<string>, type: string) =>
    types.has(type) || (type === "integer" && types.has("number"));
  return new Set([...left, ...right].filter((type) => has(left, type) && has(right, type)));
}

function takesNull(atom: Node): boolean {
  const types = listIn(atom["type"]).length > 0 || typeof atom["type"] === "string" ? textsIn(atom["type"]) : ["null"];
  const values = valuesOf(atom) ?? [null];
  return types.includes("null") && values.includes(null);
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

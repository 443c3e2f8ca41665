import { canonical } from "../spec/canonical.ts";
import type { Change } from "./change.ts";
import { partnersOf } from "./partners.ts";
import type { SchemaReader } from "./schema-reader.ts";
import type { BranchStep, Compared, SchemaStep, Sides } from "./steps.ts";
import type { Branch, View } from "./view.ts";

type Detail = Pick<Change, "kind" | "before" | "after">;

/** Compares what two schemas say as a whole: types, null, defaults. What they say of each type comes next. */
export function compareSchemas(sides: Sides, step: SchemaStep): Compared {
  const before = sides.old.view(step.old);
  const after = sides.new.view(step.new);
  const unions = commonTypes(before, after).map((type) => partnersOf(sides, ofType(before, type), ofType(after, type)));
  const changes = [
    ...nullChanges(before, after),
    ...typeChanges(before, after),
    ...unions.flatMap(({ removed, added }) => alternativeChanges(removed, added)),
    ...discriminatorChanges(sides, step),
  ];
  const place = commonName(sides, step) ?? step.place;
  return {
    changes: [...changes.map((detail) => ({ ...detail, place, flow: step.flow })), ...annotationChanges(sides, step)],
    next: [...unions.flatMap(({ pairs }) => pairs), ...numberPairs(before, after)].map((pair) =>
      branchStep(sides, pair, step),
    ),
  };
}

function commonName(sides: Sides, { old, new: fresh }: SchemaStep): string | undefined {
  return nameFor(sides, sides.old.reader.nameOf(old), sides.new.reader.nameOf(fresh));
}

/**
 * The component that both documents have here, by its new name; undefined when one of them writes the schema in place.
 * The old name is told when it now means something else: then it is more than a rename.
 */
function nameFor({ new: fresh }: Sides, before: string | undefined, after: string | undefined): string | undefined {
  if (before === undefined || after === undefined || before === after) return before && after;
  return fresh.reader.hasName(before) ? `${after} (was ${before})` : after;
}

function branchStep(sides: Sides, [old, fresh]: readonly [Branch, Branch], { flow, place }: SchemaStep): BranchStep {
  return { what: "branch", old, new: fresh, flow, place: nameFor(sides, old.name, fresh.name) ?? place };
}

function nullChanges(before: View, after: View): Detail[] {
  // Where anything goes, or nothing else but null, the change of type says it all.
  if (before.nullable === after.nullable || [before, after].some(isVague)) return [];
  return [{ kind: after.nullable ? "null-added" : "null-removed" }];
}

function isVague({ branches }: View): boolean {
  return branches.length === 0 || branches.some(({ type }) => type === "any");
}

function typeChanges(before: View, after: View): Detail[] {
  const [old, fresh] = [typeNames(before), typeNames(after)];
  const lost = old.filter((type) => !takes(after, type));
  const won = fresh.filter((type) => !takes(before, type));
  const change = { before: phrase(old), after: phrase(fresh) };
  if (lost.length > 0 && won.length > 0) return [{ kind: "type-changed", ...change }];
  if (lost.length > 0) return [{ kind: "type-narrowed", ...change }];
  return won.length > 0 ? [{ kind: "type-widened", ...change }] : [];
}

/** A view without a branch takes null, or nothing at all. */
function typeNames({ branches, nullable }: View): string[] {
  const types = [...new Set(branches.map(({ type }) => type as string))].sort();
  return types.length === 0 && nullable ? ["null"] : types;
}

function takes({ branches, nullable }: View, type: string): boolean {
  const types = branches.map((branch) => branch.type as string);
  if (type === "null") return nullable;
  return types.includes(type) || types.includes("any") || (type === "integer" && types.includes("number"));
}

function phrase(types: readonly string[]): string {
  return types.length === 0 ? "nothing" : types.map((type) => (type === "any" ? "any type" : type)).join(" or ");
}

function commonTypes(before: View, after: View): string[] {
  return typeNames(before).filter((type) => typeNames(after).includes(type));
}

function ofType({ branches }: View, type: string): Branch[] {
  return branches.filter((branch) => branch.type === type);
}

/** An integer that becomes a number keeps its range. */
function numberPairs(before: View, after: View): [Branch, Branch][] {
  const [old, more] = before.branches.filter(({ type }) => type === "integer" || type === "number");
  const [fresh, others] = after.branches.filter(({ type }) => type === "integer" || type === "number");
  if (!old || !fresh || more || others || old.type === fresh.type) return [];
  return [[old, fresh]];
}

function alternativeChanges(removed: readonly Branch[], added: readonly Branch[]): Detail[] {
  return [
    ...removed.map((branch): Detail => ({ kind: "alternative-removed", before: describe(branch) })),
    ...added.map((branch): Detail => ({ kind: "alternative-added", after: describe(branch) })),
  ];
}

function describe({ name, type, atoms }: Branch): string {
  if (name !== undefined) return name;
  const properties = atoms.flatMap((atom) => Object.keys(atom["properties"] ?? {}));
  return properties.length === 0 ? `another ${type}` : `an object with ${properties.sort().join(", ")}`;
}

function discriminatorChanges({ old, new: fresh }: Sides, step: SchemaStep): Detail[] {
  const before = discriminator(old.reader, step.old);
  const after = discriminator(fresh.reader, step.new);
  return before === after ? [] : [{ kind: "discriminator-changed", before, after }];
}

function discriminator(reader: SchemaReader, schema: SchemaStep["old"]): string | undefined {
  const found = reader.annotation(schema, "discriminator");
  return found === undefined ? undefined : String(Object(found).propertyName);
}

function annotationChanges(sides: Sides, step: SchemaStep): Change[] {
  const read = (keyword: string): [unknown, unknown] => [
    sides.old.reader.annotation(step.old, keyword),
    sides.new.reader.annotation(step.new, keyword),
  ];
  const place = (keyword: string) => placeOfAnnotation(sides, step, keyword);
  return [
    ...defaultChanges(...read("default")).map((detail) => ({ ...detail, place: place("default"), flow: step.flow })),
    ...deprecationChanges(...read("deprecated")).map((detail) => ({
      ...detail,
      place: place("deprecated"),
      flow: step.flow,
    })),
  ];
}

/** Inherited by both from the component they refer to, it is told once for that component. */
function placeOfAnnotation(sides: Sides, step: SchemaStep, keyword: string): string {
  const own = [step.old, step.new].some((schema) => Object.hasOwn(schema, keyword));
  return own ? step.place : (commonName(sides, step) ?? step.place);
}

function defaultChanges(before: unknown, after: unknown): Detail[] {
  if (JSON.stringify(canonical(before)) === JSON.stringify(canonical(after))) return [];
  if (before === undefined) return [{ kind: "default-added", after }];
  return after === undefined ? [{ kind: "default-removed", before }] : [{ kind: "default-changed", before, after }];
}

/** Whether something is deprecated now, and was not, or the other way round. */
export function deprecationChanges(before: unknown, after: unknown): Detail[] {
  if ((before === true) === (after === true)) return [];
  return [{ kind: after === true ? "deprecated-set" : "deprecated-unset" }];
}

import type { Node } from "../spec/document.ts";
import type { Change, Role } from "./change.ts";
import type { Facts } from "./facts.ts";
import { ANYTHING, type SchemaReader } from "./schema-reader.ts";
import type { Side } from "./side.ts";
import { type BranchStep, type Compared, type Sides, type Step, schemaStep } from "./steps.ts";

/** Compares the properties of two objects, and what they say of properties that are not listed. */
export function compareObjects(sides: Sides, step: BranchStep, before: Facts, after: Facts): Compared {
  const old = visible(sides.old.reader, before.properties, step.flow.role);
  const fresh = visible(sides.new.reader, after.properties, step.flow.role);
  const common = [...old.keys()].filter((name) => fresh.has(name));
  return {
    changes: [
      ...[...old.keys()].filter((name) => !fresh.has(name)).map((name) => removal(step, name, before, after)),
      ...[...fresh.keys()].filter((name) => !old.has(name)).map((name) => addition(step, name, after)),
      ...requiredChanges(sides, step, common, before, after),
      ...closureChanges(step, before, after),
    ],
    next: [
      ...common.map((name) => propertyStep(step, name, old.get(name), fresh.get(name))),
      ...additionalSteps(step, before, after),
    ],
  };
}

/** What is read-only is never sent, and what is write-only is never received. */
function visible(reader: SchemaReader, properties: Facts["properties"], role: Role): ReadonlyMap<string, Node> {
  const hidden = role === "request" ? "readOnly" : "writeOnly";
  return new Map([...properties].filter(([, schema]) => reader.annotation(schema, hidden) !== true));
}

function removal({ flow, place }: BranchStep, name: string, before: Facts, { closed }: Facts): Change {
  return { kind: "property-removed", place: `${place}.${name}`, flow, before: presence(before, name), closed };
}

function addition({ flow, place }: BranchStep, name: string, after: Facts): Change {
  return { kind: "property-added", place: `${place}.${name}`, flow, after: presence(after, name) };
}

function presence({ required }: Facts, name: string): string {
  return required.has(name) ? "required" : "optional";
}

function requiredChanges(
  sides: Sides,
  step: BranchStep,
  common: readonly string[],
  old: Facts,
  fresh: Facts,
): Change[] {
  // A name may be required without being described.
  const undescribed = [...old.required, ...fresh.required].filter((name) => isUndescribed(name, old, fresh));
  const { place, flow } = step;
  return [...new Set([...common, ...undescribed])]
    .filter((name) => old.required.has(name) !== fresh.required.has(name))
    .filter((name) => flow.role === "request" || isThere(sides.old, old, name) !== isThere(sides.new, fresh, name))
    .map((name) => {
      const kind = fresh.required.has(name) ? "property-required" : "property-optional";
      return { kind, place: `${place}.${name}`, flow };
    });
}

/** In an answer, what has a default is always there, as `npm run generate` assumes too; the default has its own finding. */
function isThere({ reader }: Side, { required, properties }: Facts, name: string): boolean {
  return required.has(name) || reader.annotation(properties.get(name) ?? ANYTHING, "default") !== undefined;
}

function isUndescribed(name: string, ...objects: Facts[]): boolean {
  return objects.every(({ properties }) => !properties.has(name));
}

function closureChanges({ flow, place }: BranchStep, before: Facts, after: Facts): Change[] {
  if (before.closed === after.closed) return [];
  return [{ kind: after.closed ? "object-closed" : "object-opened", place, flow }];
}

function propertyStep({ flow, place }: BranchStep, name: string, old: Node = ANYTHING, fresh: Node = ANYTHING): Step {
  return schemaStep(old, fresh, flow, `${place}.${name}`);
}

function additionalSteps({ flow, place }: BranchStep, before: Facts, after: Facts): Step[] {
  const concerned = [before, after].some(({ additional }) => additional !== ANYTHING);
  if (before.closed || after.closed || !concerned) return [];
  return [schemaStep(before.additional, after.additional, flow, `${place}.*`)];
}

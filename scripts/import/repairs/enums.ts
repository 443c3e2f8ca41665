import { isNode, type Node } from "../../spec/document.ts";
import { nodesOf } from "../visit.ts";
import { type Context, type Repair, refuse } from "./repair.ts";

/** Keys that an entry may have beside its value without meaning anything more. */
const ENTRY_KEYS: ReadonlySet<string> = new Set(["value", "type", "name", "description"]);

/** `enum: [{ type: stringLiteral, value: auto }]` → `const: auto`, or an entry of a plain list. */
export const literalEntries: Repair = {
  name: "literal-entries",
  description: "literal entries of an enum (type: stringLiteral)",
  repair: (document, context) => ({ found: unwrapEntries(document, context, isLiteral) }),
};

/** `enum: [{ value: started }]` → `enum: [started]`. */
export const enumObjects: Repair = {
  name: "enum-objects",
  description: "enum entries written as objects",
  repair: (document, context) => ({ found: unwrapEntries(document, context, (entry) => !isLiteral(entry)) }),
};

function unwrapEntries(document: Node, context: Context, wanted: (entry: Node) => boolean): number {
  let found = 0;
  for (const { node, place } of nodesOf(document, "schema")) {
    if (!Array.isArray(node["enum"])) continue;
    const entries: readonly unknown[] = node["enum"];
    const hits = entries.filter((entry) => isNode(entry) && wanted(entry)).length;
    if (hits === 0) continue;
    found += hits;
    node["enum"] = entries.map((entry, index) =>
      isNode(entry) && wanted(entry) ? plainValue(entry, `${place}.enum[${index}]`, context) : entry,
    );
    if (entries.every((entry) => isNode(entry) && isLiteral(entry))) toConst(node);
  }
  return found;
}

function isLiteral({ type }: Node): boolean {
  return typeof type === "string" && type.endsWith("Literal");
}

function plainValue(entry: Node, place: string, context: Context): unknown {
  const { value } = entry;
  if (value === undefined || (typeof value === "object" && value !== null))
    refuse(context, place, "is an object without a plain value; write the value itself");
  const odd = Object.keys(entry).find((key) => !ENTRY_KEYS.has(key));
  if (odd !== undefined) refuse(context, place, `is an object with "${odd}", which is not understood; write the value`);
  return value;
}

/** A list of one literal says that the value is that; of several, it stays a list. */
function toConst(schema: Node): void {
  const values = schema["enum"];
  if (!Array.isArray(values) || values.length !== 1) return;
  schema["const"] = values[0];
  delete schema["enum"];
}

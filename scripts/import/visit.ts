import { isNode, type Node } from "../spec/document.ts";
import { type Child, itemShape, keysOf, METHODS, type ShapeName } from "./shapes.ts";

/** An object of some shape, and where it stands. */
export interface Placed {
  readonly node: Node;
  /** For a reader: `POST /tasks`, `components.schemas.Task.properties.id`. */
  readonly place: string;
}

/**
 * Every object of one shape in a document, also where other parts of the document are damaged: what is not of the kind that
 * OpenAPI expects is passed over. References are not followed.
 */
export function nodesOf(document: Node, shape: ShapeName): Placed[] {
  const found: Placed[] = [];
  visit(document, "document", "", (node, here, place) => {
    if (here === shape) found.push({ node, place });
  });
  return found;
}

type Visitor = (node: Node, shape: ShapeName, place: string) => void;

function visit(value: unknown, child: Child, place: string, visitor: Visitor): void {
  const shape = itemShape(child);
  if (shape === undefined) return;
  if (child.endsWith("[]")) visitList(value, shape, place, visitor);
  else if (!isNode(value)) return;
  else if (child.endsWith("{}")) visitMap(value, shape, place, visitor);
  else visitNode(value, shape, place, visitor);
}

function visitList(value: unknown, shape: ShapeName, place: string, visitor: Visitor): void {
  if (!Array.isArray(value)) return;
  for (const [index, item] of value.entries()) visit(item, shape, `${place}[${index}]`, visitor);
}

function visitMap(map: Node, shape: ShapeName, place: string, visitor: Visitor): void {
  for (const [name, item] of Object.entries(map)) {
    visit(item, shape, shape === "pathItem" ? name : join(place, name), visitor);
  }
}

function visitNode(node: Node, shape: ShapeName, place: string, visitor: Visitor): void {
  visitor(node, shape, place);
  const keys = keysOf(shape);
  for (const [key, value] of Object.entries(node)) {
    const child = keys.get(key);
    if (child !== undefined) visit(value, child, childPlace(shape, place, key), visitor);
  }
}

function childPlace(shape: ShapeName, place: string, key: string): string {
  if (shape === "pathItem" && METHODS.includes(key)) return `${key.toUpperCase()} ${place}`;
  return shape === "document" ? key : join(place, key);
}

/** Parts of an operation stand after a space (`POST /tasks responses.404`), parts of those after a dot. */
function join(place: string, key: string): string {
  if (place === "") return key;
  return /^[A-Z]+ \/\S*$/.test(place) ? `${place} ${key}` : `${place}.${key}`;
}

import { isNode, type Node } from "../../spec/document.ts";
import { METHODS } from "../shapes.ts";

/** An operation of a document whose shape is not checked yet. */
export interface OperationNode {
  readonly node: Node;
  readonly method: string;
  readonly path: string;
  /** `POST /tasks`. */
  readonly key: string;
}

/** All operations, in the order in which they are written. */
export function operationNodes({ paths }: Node): OperationNode[] {
  return entries(paths).flatMap(([path, item]) =>
    entries(item)
      .filter(([method]) => METHODS.includes(method))
      .flatMap(([method, node]) =>
        isNode(node) ? [{ node, method, path, key: `${method.toUpperCase()} ${path}` }] : [],
      ),
  );
}

/** The entries of a mapping; none for anything else. */
export function entries(value: unknown): [string, unknown][] {
  return isNode(value) ? Object.entries(value) : [];
}

import { isNode, type Node } from "../spec/document.ts";
import type { Change, Flow } from "./change.ts";
import { compareContent } from "./compare-content.ts";
import { compareParameters } from "./compare-parameters.ts";
import { compareResponses } from "./compare-responses.ts";
import { deprecationChanges } from "./compare-schema.ts";
import { essenceOf } from "./loose.ts";
import type { ReadOperation } from "./operations.ts";
import { type Security, securityChanges } from "./security.ts";
import type { Side } from "./side.ts";
import type { Compared } from "./steps.ts";

const flow: Flow = { role: "request", sense: 1 };
const NOTHING_FOUND: Compared = { changes: [], next: [] };

/** What is known of a document before its operations are compared. */
export interface Known {
  readonly side: Side;
  readonly security: Security;
}

/** Compares one operation, apart from the schemas below it: those come next. */
export function compareOperation(before: Known, after: Known, old: ReadOperation, fresh: ReadOperation): Compared {
  const sides = { old: before.side, new: after.side };
  const parts = [
    compareParameters(old, fresh),
    compareBodies(bodyOf(sides.old, old), bodyOf(sides.new, fresh)),
    compareResponses(sides, old, fresh),
  ];
  return {
    changes: [
      ...operationChanges(old.operation, fresh.operation),
      ...serverChanges(old.servers, fresh.servers),
      ...securityChanges(before.security.read(old.security), after.security.read(fresh.security)),
      ...parts.flatMap(({ changes }) => changes),
    ],
    next: parts.flatMap(({ next }) => next),
  };
}

function operationChanges(old: Node, fresh: Node): Change[] {
  const [before, after] = [old["operationId"], fresh["operationId"]];
  const repeatable = [old, fresh].map((operation) => operation["x-repeatable"] === true);
  const calledBack = [old, fresh].map(({ callbacks }) => essenceOf(callbacks));
  return [
    ...(before === after ? [] : [{ kind: "operation-id-changed" as const, place: "operationId", before, after }]),
    ...(repeatable[0] === repeatable[1] ? [] : [repeatableChange(repeatable[1] === true)]),
    ...(calledBack[0] === calledBack[1] ? [] : [{ kind: "callbacks-changed" as const, place: "callbacks" }]),
    ...deprecationChanges(old["deprecated"], fresh["deprecated"]).map((detail) => ({ ...detail, place: "" })),
  ];
}

function repeatableChange(granted: boolean): Change {
  return { kind: granted ? "repeatable-granted" : "repeatable-withdrawn", place: "x-repeatable" };
}

function serverChanges(before: readonly string[], after: readonly string[]): Change[] {
  const place = "servers";
  const removed = before.filter((url) => !after.includes(url));
  const added = after.filter((url) => !before.includes(url));
  const [gone, ...moreGone] = removed;
  const [come, ...moreCome] = added;
  if (gone !== undefined && come !== undefined && moreGone.length + moreCome.length === 0)
    return [{ kind: "server-changed", place, before: gone, after: come }];
  return [
    ...removed.map((url): Change => ({ kind: "server-removed", place, before: url })),
    ...added.map((url): Change => ({ kind: "server-added", place, after: url })),
    ...orderChanges(before, after, place),
  ];
}

/** The first server is the one that clients use. */
function orderChanges(
  [old, ...others]: readonly string[],
  [fresh, ...rest]: readonly string[],
  place: string,
): Change[] {
  if (old === fresh || !others.includes(fresh ?? "") || !rest.includes(old ?? "")) return [];
  return [{ kind: "server-order-changed", place, before: old, after: fresh }];
}

function bodyOf({ reader }: Side, { operation }: ReadOperation): Node | undefined {
  const { requestBody } = operation;
  return isNode(requestBody) ? reader.resolve(requestBody) : undefined;
}

function compareBodies(old: Node | undefined, fresh: Node | undefined): Compared {
  const change = { place: "body", flow };
  if (!old && !fresh) return NOTHING_FOUND;
  if (!old) return { changes: [{ ...change, kind: "body-added", after: presence(fresh) }], next: [] };
  if (!fresh) return { changes: [{ ...change, kind: "body-removed", before: presence(old) }], next: [] };
  const content = compareContent(old, fresh, flow, "body");
  return { changes: [...requiredChanges(presence(old), presence(fresh)), ...content.changes], next: content.next };
}

function requiredChanges(before: string, after: string): Change[] {
  if (before === after) return [];
  return [{ kind: after === "required" ? "body-required" : "body-optional", place: "body", flow }];
}

function presence(body: Node | undefined): string {
  return body?.["required"] === true ? "required" : "optional";
}

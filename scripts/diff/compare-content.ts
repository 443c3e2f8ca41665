import type { Node } from "../spec/document.ts";
import type { Change, Flow } from "./change.ts";
import { nodesIn } from "./loose.ts";
import { asSchema } from "./schema-reader.ts";
import { type Compared, schemaStep } from "./steps.ts";

const JSON_TYPE = /^application\/([\w.-]+\+)?json$/;

/** Compares the bodies that may stand at one place, by media type. */
export function compareContent(old: Node, fresh: Node, flow: Flow, place: string): Compared {
  const before = byMediaType(old);
  const after = byMediaType(fresh);
  const common = [...before.keys()].filter((type) => after.has(type));
  return {
    changes: contentChanges([...before.keys()], [...after.keys()]).map((detail) => ({ ...detail, place, flow })),
    next: common.map((type) => {
      const within = JSON_TYPE.test(type) ? place : `${place} (${type})`;
      return schemaStep(asSchema(before.get(type)?.["schema"]), asSchema(after.get(type)?.["schema"]), flow, within);
    }),
  };
}

/** Media types have no case, and their parameters (a character set) change nothing for a schema. */
function byMediaType({ content }: Node): ReadonlyMap<string, Node> {
  return new Map(nodesIn(content).map(([type, body]) => [(type.split(";")[0] ?? type).trim().toLowerCase(), body]));
}

function contentChanges(
  before: readonly string[],
  after: readonly string[],
): Pick<Change, "kind" | "before" | "after">[] {
  const removed = before.filter((type) => !after.includes(type));
  const added = after.filter((type) => !before.includes(type));
  if (before.length === 0 && added.length > 0) return [{ kind: "content-added", after: added }];
  if (after.length === 0 && removed.length > 0) return [{ kind: "content-removed", before: removed }];
  return [
    ...removed.map((type) => ({ kind: "media-type-removed" as const, before: type })),
    ...added.map((type) => ({ kind: "media-type-added" as const, after: type })),
  ];
}

import { compare, type OpenApiDocument } from "../spec/document.ts";
import type { Change, Finding } from "./change.ts";
import { compareOperation } from "./compare-operation.ts";
import { Comparing } from "./comparing.ts";
import { findingsOf, type Root } from "./findings.ts";
import { essenceOf } from "./loose.ts";
import { type ReadOperation, readOperations } from "./operations.ts";
import { SchemaReader } from "./schema-reader.ts";
import { Security } from "./security.ts";
import { Side } from "./side.ts";

/** A document to compare, and what to call it in messages. */
export interface Source {
  readonly document: OpenApiDocument;
  readonly file: string;
}

/**
 * Every difference that may concern a caller, the worst first. Operations are matched by method and path; schemas by
 * where they are used, so that what they are called, and whether they are shared or written in place, is no difference.
 * Nor is prose.
 *
 * @throws {@link SpecError} when a document cannot be read as operations and schemas.
 */
export function diff(old: Source, fresh: Source): Finding[] {
  const before = prepare(old);
  const after = prepare(fresh);
  const comparing = new Comparing({ old: before.side, new: after.side }, fresh.file);
  const keys = [...new Set([...before.operations.keys(), ...after.operations.keys()])].sort(compare);
  const roots = keys.map((key): Root => {
    const [one, other] = [before.operations.get(key), after.operations.get(key)];
    if (!one || !other) return missing(one, other);
    return { operation: other.key, comparison: comparing.begin(compareOperation(before, after, one, other)) };
  });
  comparing.finish();
  return findingsOf(roots, webhookChanges(old, fresh));
}

function prepare({ document, file }: Source): Prepared {
  const reader = new SchemaReader(document, file);
  return {
    side: new Side(reader),
    security: new Security(document, reader),
    operations: readOperations(document, reader, file),
  };
}

function missing(old: ReadOperation | undefined, fresh: ReadOperation | undefined): Root {
  const operation = (fresh ?? old)?.key ?? "";
  const kind = fresh ? "operation-added" : "operation-removed";
  return { operation, comparison: { changes: [{ kind, place: operation }], next: [] } };
}

function webhookChanges({ document: old }: Source, { document: fresh }: Source): Change[] {
  const same = essenceOf(old["webhooks"]) === essenceOf(fresh["webhooks"]);
  return same ? [] : [{ kind: "callbacks-changed", place: "webhooks" }];
}

interface Prepared {
  readonly side: Side;
  readonly security: Security;
  readonly operations: ReadonlyMap<string, ReadOperation>;
}

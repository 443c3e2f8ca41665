import type { Node } from "../spec/document.ts";
import type { Change, Flow } from "./change.ts";
import type { Side } from "./side.ts";
import type { Branch } from "./view.ts";

/** Both documents, read so far. */
export interface Sides {
  readonly old: Side;
  readonly new: Side;
}

/** A pair of schemas, or of branches, that is to be compared. */
export type Step = SchemaStep | BranchStep;

export interface SchemaStep {
  readonly what: "schema";
  readonly old: Node;
  readonly new: Node;
  readonly flow: Flow;
  /** Where it stands, as far as it has no name of its own. */
  readonly place: string;
}

export interface BranchStep {
  readonly what: "branch";
  readonly old: Branch;
  readonly new: Branch;
  readonly flow: Flow;
  readonly place: string;
}

/** What a comparison has found here, and what is to be compared next. */
export interface Compared {
  readonly changes: readonly Change[];
  readonly next: readonly Step[];
}

/** The comparison of two schemas, of which either may be missing: that takes everything. */
export function schemaStep(old: Node, fresh: Node, flow: Flow, place: string): SchemaStep {
  return { what: "schema", old, new: fresh, flow, place };
}

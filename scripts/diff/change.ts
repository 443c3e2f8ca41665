import type { Kind } from "./rules.ts";

/** From the worst to the best. Breaking: a caller fails. Risky: it may behave otherwise. Compatible: it need not care. */
export const severities = ["breaking", "risky", "compatible"] as const;

export type Severity = (typeof severities)[number];

/** Does the caller send the part, or receive it? */
export type Role = "request" | "response";

/** How a schema weighs on the values that pass. */
export interface Flow {
  readonly role: Role;
  /** 1: values must match it. -1: they must not (below `not`). 0: it depends on other values (below `if`). */
  readonly sense: 1 | -1 | 0;
}

/** One difference, at the place where it is written. */
export interface Change {
  readonly kind: Kind;
  /** `TaskView.output`, `query parameter pageSize`, `200 body`; empty for the operation itself. */
  readonly place: string;
  /** Absent for what has no direction, such as an operation that is gone. */
  readonly flow?: Flow;
  readonly keyword?: string;
  readonly before?: unknown;
  readonly after?: unknown;
  /** The list is known to grow. */
  readonly open?: boolean;
  /** The object refuses properties that are not listed. */
  readonly closed?: boolean;
}

/** A difference as it is reported: judged, put into words, and once for all operations that reach it. */
export interface Finding {
  readonly severity: Severity;
  readonly kind: Kind;
  readonly role?: Role;
  readonly place: string;
  readonly keyword?: string;
  readonly before?: unknown;
  readonly after?: unknown;
  readonly message: string;
  /** `POST /tasks`, as the new document writes them. */
  readonly operations: readonly string[];
}

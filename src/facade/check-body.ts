import { bodies } from "../generated/limits.ts";
import { checkLimit } from "./call/check.ts";

/** Names of the request bodies that are checked before the wire. */
export type CheckedBody = keyof typeof bodies;

const HINTS: ReadonlyMap<string, string> = new Map([
  ["structuredOutput", ": pass schema"],
  ["outputSchema", ": pass schema"],
  ["sessionSettings", ": pass its fields"],
  ["timeout", ": pass timeoutMinutes"],
]);

/**
 * Checks a request body against the spec's own limits. `names`: what callers call a field that has another name on the wire.
 *
 * @throws {@link InvalidInputError} naming the field and what it may be.
 */
export function checkBody<T extends object>(operation: CheckedBody, body: T, names?: ReadonlyMap<string, string>): T {
  return checkLimit(bodies[operation], operation, body, { hints: HINTS, ...(names && { names }) });
}

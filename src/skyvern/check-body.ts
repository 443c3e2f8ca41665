import { checkLimit } from "../facade/call/check.ts";
import { bodies, type CheckedOperation } from "../generated/skyvern/limits.ts";

const HINTS: ReadonlyMap<string, string> = new Map([
  ["waitForCompletion", ": pass it among the options"],
  ["wait_for_completion", ": pass { waitForCompletion: true } among the options"],
  ["timeout", ": pass waitTimeoutMs among the options"],
  ["schema", ": pass data_extraction_schema"],
  ["timeoutMinutes", ": pass timeout, in minutes"],
]);

/**
 * Checks a request body against the spec's own limits.
 *
 * @throws {@link InvalidInputError} naming the field and what it may be.
 */
export function checkBody<T extends object>(operation: CheckedOperation, body: T): T {
  return checkLimit(bodies[operation], operation, body, { hints: HINTS });
}

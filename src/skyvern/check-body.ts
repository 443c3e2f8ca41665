import { checkLimit } from "../facade/call/check.ts";
import { isRecord } from "../facade/call/redact.ts";
import { InvalidInputError } from "../facade/errors.ts";
import { bodies, type CheckedOperation } from "../generated/skyvern/limits.ts";

const HINTS: ReadonlyMap<string, string> = new Map([
  ["waitForCompletion", ": pass it among the options"],
  ["wait_for_completion", ": pass { waitForCompletion: true } among the options"],
  ["timeout", ": pass waitTimeoutMs among the options"],
  ["schema", ": pass data_extraction_schema"],
  ["timeoutMinutes", ": pass timeout, in minutes"],
  ...["signal", "timeoutMs", "totalTimeoutMs", "maxRetries", "waitTimeoutMs", "profileAccess"].map(
    (option) => [option, ": pass it among the options"] as const,
  ),
]);

/**
 * Checks a request body against the spec's own limits.
 *
 * @throws {@link InvalidInputError} naming the field and what it may be.
 */
export function checkBody<T extends object>(operation: CheckedOperation, body: T): T {
  return checkLimit(bodies[operation], operation, body, { hints: HINTS });
}

/**
 * Checks options, or a request, that are taken apart before anything else: what is left out has a default, what is null has none.
 *
 * @throws {@link InvalidInputError} naming the argument.
 */
export function checkGiven<T extends object>(name: string, given: T): T {
  if (isRecord(given)) return given;
  throw new InvalidInputError(`${name} must be an object.`);
}

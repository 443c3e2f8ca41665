import { toText, toUnits } from "./call/wire.ts";
import { checkBody } from "./check-body.ts";
import { InvalidInputError } from "./errors.ts";

/**
 * Adds up costs exactly, as `0.1 + 0.2` of numbers does not: `sumUsd([0.1, "0.2", null])` is `"0.3"`. Takes what the service and this
 * package call a cost: numbers, decimal texts, and null or undefined for what is not known, which adds nothing. The sum is a decimal text
 * without an exponent, good for a column of decimals, for another sum, and for `Number()`.
 *
 * @throws {@link InvalidInputError} for what is no amount, such as `NaN`.
 */
export function sumUsd(costs: Iterable<number | string | null | undefined>): string {
  let sum = 0n;
  for (const cost of costs) sum += unitsOf(cost ?? 0);
  return toText(sum);
}

function unitsOf(cost: number | string): bigint {
  const units = toUnits(String(cost));
  if (units === undefined) throw new InvalidInputError("sumUsd takes numbers and decimal texts, and null for unknown.");
  return units;
}

/**
 * Checks a limit that is sent with tasks.
 *
 * @throws {@link InvalidInputError} for what is no amount of more than 0.
 */
export function checkMaxCostUsd(maxCostUsd: number | string | null | undefined): void {
  if (maxCostUsd == null) return;
  checkBody("POST /v3/sessions", { maxCostUsd });
  if (!(Number(maxCostUsd) > 0)) throw new InvalidInputError("maxCostUsd must be more than 0.");
}

/**
 * Holds a client to its `requireMaxCostUsd`: a task of v3 or v4 must have a `maxCostUsd`; v2 has only `maxSteps` to bound what a task costs.
 *
 * @throws {@link InvalidInputError} for a task that would go out without.
 */
export function refuseUnbounded(
  { requireMaxCostUsd }: { readonly requireMaxCostUsd: boolean },
  bound: { readonly maxCostUsd: number | string | null | undefined } | { readonly maxSteps: number | undefined },
): void {
  const [[name, value] = []] = Object.entries(bound);
  if (requireMaxCostUsd && value == null) {
    throw new InvalidInputError(`This task has no ${name}, and its client was made with requireMaxCostUsd.`);
  }
}

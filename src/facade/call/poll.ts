import type { CallOptions } from "../types.ts";
import { failureOf } from "./outcome.ts";
import { type Deadline, pollDelayMs, sleep } from "./wait.ts";
import { within } from "./within.ts";

/**
 * Looks again and again, less and less often, until a look shows something. What the service refuses ends that; other faults are looked
 * past, and `timeUp` is told of the last one.
 */
export async function poll<T>(
  look: (options: CallOptions) => Promise<T | undefined>,
  deadline: Deadline,
  signal: AbortSignal | undefined,
  timeUp: (fault: unknown) => Error,
): Promise<T> {
  let fault: unknown;
  return within(
    deadline.remainingMs,
    () => timeUp(fault),
    signal,
    async (own) => {
      for (;;) {
        const totalTimeoutMs = Math.max(1, deadline.remainingMs);
        const seen = await look({ signal: own, totalTimeoutMs }).catch((error) => {
          if (failureOf(error) === "refused") throw error;
          fault = error;
          return undefined;
        });
        if (seen !== undefined) return seen;
        await sleep(pollDelayMs(deadline.timeoutMs - deadline.remainingMs), own);
      }
    },
  );
}

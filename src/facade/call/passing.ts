import { ApiError, ConnectionError, NotFoundError, TimeoutError } from "../errors.ts";

const LAG_MS = 10_000;

/** Whether a fault may be gone the next time. An {@link ApiError} with 200 is an answer that could not be read. */
export function isPassing(error: unknown): boolean {
  if (error instanceof ConnectionError || error instanceof TimeoutError) return true;
  return error instanceof ApiError && (error.status >= 500 || [200, 408, 429].includes(error.status));
}

/**
 * Whether what was made just now is not found yet: one of the service's machines may lag behind another. `madeMs`: when, on the clock of
 * `performance`; undefined for what was made elsewhere.
 */
export function isLag(error: unknown, madeMs: number | undefined): boolean {
  return error instanceof NotFoundError && madeMs !== undefined && performance.now() - madeMs < LAG_MS;
}

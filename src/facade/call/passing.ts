import { ApiError, ConnectionError, TimeoutError } from "../errors.ts";

/** Whether a fault may be gone the next time. An {@link ApiError} with 200 is an answer that could not be read. */
export function isPassing(error: unknown): boolean {
  if (error instanceof ConnectionError || error instanceof TimeoutError) return true;
  return error instanceof ApiError && (error.status >= 500 || [200, 408, 429].includes(error.status));
}

import type { ApiAnswer } from "./api.ts";
import { ApiError } from "./errors.ts";

/**
 * The data of an answer, once it is known to have the fields that the facade works with.
 *
 * @throws {@link ApiError} for a success that lacks one: it is as good as one that cannot be read.
 */
export function complete<T extends object>(
  { data, response }: ApiAnswer<T>,
  operation: string,
  ...fields: readonly (keyof T & string)[]
): T {
  const missing = fields.find((field) => data[field] === undefined || data[field] === null);
  if (missing === undefined) return data;
  const { status } = response;
  const [method = "", path = ""] = operation.split(" ");
  throw new ApiError(`${operation} answered ${status} without ${missing}.`, {
    status,
    body: undefined,
    method,
    path,
    operation,
    attempts: 1,
    outcome: method === "POST" ? "unknown" : undefined,
  });
}

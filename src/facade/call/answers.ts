import { ApiError } from "../errors.ts";
import type { ApiAnswer } from "./api.ts";

/**
 * The data of an answer, once it is known to have the fields that the facade works with.
 *
 * @throws {@link ApiError} for a success that lacks one: it is as good as one that cannot be read.
 */
export function complete<T extends object>(
  answer: ApiAnswer<T>,
  operation: string,
  ...fields: readonly (keyof T & string)[]
): T {
  const { data } = answer;
  const missing = fields.find((field) => data[field] === undefined || data[field] === null);
  if (missing !== undefined) throw unusable(answer, operation, `without ${missing}`);
  const odd = fields.find((field) => /id$/i.test(field) && (typeof data[field] !== "string" || data[field] === ""));
  if (odd !== undefined) throw unusable(answer, operation, `with an ${odd} that is no text`);
  return data;
}

/**
 * The view of one session, browser or task, once it is known to be that one's.
 *
 * @throws {@link ApiError} for a view without a status, or of something else, such as a cache on the way may give.
 */
export function viewOf<T extends { readonly id: string; readonly status: string }>(
  answer: ApiAnswer<T>,
  operation: string,
  id: string,
): T {
  const view = complete(answer, operation, "status");
  if (isSameId(view.id ?? id, id)) return view;
  throw unusable(answer, operation, ofAnother(view.id, id));
}

/**
 * The same for a view that has its id in a field of another name.
 *
 * @throws {@link ApiError} for a view that lacks one of the fields, or of something else.
 */
export function viewBy<T extends { readonly [Field in K]: string }, K extends keyof T & string>(
  answer: ApiAnswer<T>,
  operation: string,
  field: K,
  id: string,
  ...fields: readonly (keyof T & string)[]
): T {
  const view = complete(answer, operation, field, ...fields);
  if (isSameId(view[field], id)) return view;
  throw unusable(answer, operation, ofAnother(view[field], id));
}

function ofAnother(id: string, asked: string): string {
  return `with a view of ${id} when asked for ${asked}`;
}

/** Whether two ids name the same, however they are written. */
export function isSameId(a: string, b: string): boolean {
  return plainId(a) === plainId(b);
}

/** An id as it is compared. */
export function plainId(id: string): string {
  return id.replaceAll("-", "").toLowerCase();
}

function unusable({ response }: ApiAnswer<unknown>, operation: string, how: string): ApiError {
  const { status } = response;
  const [method = "", path = ""] = operation.split(" ");
  return new ApiError(`${operation} answered ${status} ${how}.`, {
    status,
    body: undefined,
    method,
    path,
    operation,
    attempts: 1,
    outcome: method === "POST" ? "unknown" : undefined,
  });
}

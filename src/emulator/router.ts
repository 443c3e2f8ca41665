import { type Operation, operations } from "../generated/validators.js";
import { Problem } from "./problem.ts";

/** An operation, and what its path template took from the path. */
export interface Route {
  readonly operation: Operation;
  readonly path: Readonly<Record<string, string>>;
}

const ROUTES = operations.map((operation) => ({
  operation,
  names: [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name),
  pattern: new RegExp(`^${operation.path.replace(/\{\w+\}/g, "([^/]+)")}$`),
}));

/**
 * Finds the operation for a method and a path.
 *
 * @throws Problem 404 when nothing is there, 405 when it takes other methods.
 */
export function route(method: string, path: string): Route {
  const here = ROUTES.filter(({ pattern }) => pattern.test(path));
  const found = here.find(({ operation }) => operation.method === method);
  if (!found) throw here.length > 0 ? new Problem(405, "Method Not Allowed") : new Problem(404, "Not Found");
  const values = found.pattern.exec(path)?.slice(1) ?? [];
  return {
    operation: found.operation,
    path: Object.fromEntries(found.names.map((name, i) => [name, decoded(values[i])])),
  };
}

/** The methods a path takes, for the `Allow` header. */
export function methodsOf(path: string): string[] {
  return ROUTES.filter(({ pattern }) => pattern.test(path)).map(({ operation }) => operation.method);
}

function decoded(text = ""): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Problem(404, "Not Found");
  }
}

import type { Operation } from "../../generated/validators.js";
import { Problem } from "./problem.ts";

/** An operation, and what its path template took from the path. */
export interface Route {
  readonly operation: Operation;
  readonly path: Readonly<Record<string, string>>;
}

interface Template {
  readonly operation: Operation;
  readonly names: readonly string[];
  readonly pattern: RegExp;
}

/** Finds operations by method and path. */
export class Router {
  readonly #templates: readonly Template[];

  constructor(operations: readonly Operation[]) {
    // A path that is written out comes before one with a parameter in its place.
    this.#templates = operations.map(templateOf).sort((a, b) => a.names.length - b.names.length);
  }

  /**
   * Finds the operation for a method and a path.
   *
   * @throws Problem 404 when nothing is there, 405 when it takes other methods.
   */
  route(method: string, path: string): Route {
    const here = this.#at(path);
    const found = here.find(({ operation }) => operation.method === method);
    if (!found) throw here.length > 0 ? new Problem(405, "Method Not Allowed") : new Problem(404, "Not Found");
    const values = found.pattern.exec(path)?.slice(1) ?? [];
    return {
      operation: found.operation,
      path: Object.fromEntries(found.names.map((name, i) => [name, decoded(values[i])])),
    };
  }

  /** The methods a path takes, for the `Allow` header. */
  methodsOf(path: string): string[] {
    return this.#at(path).map(({ operation }) => operation.method);
  }

  #at(path: string): Template[] {
    return this.#templates.filter(({ pattern }) => pattern.test(path));
  }
}

function templateOf(operation: Operation): Template {
  return {
    operation,
    names: [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name),
    pattern: new RegExp(`^${operation.path.replace(/\{\w+\}/g, "([^/]+)")}$`),
  };
}

function decoded(text = ""): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Problem(404, "Not Found");
  }
}

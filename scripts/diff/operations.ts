import { compare, isNode, type Node, type OpenApiDocument, type PlacedOperation } from "../spec/document.ts";
import { fail } from "../spec/problem.ts";
import { listIn, nodesIn } from "./loose.ts";
import type { SchemaReader } from "./schema-reader.ts";

/** A parameter, with references followed. */
export interface ReadParameter {
  readonly in: string;
  readonly name: string;
  readonly parameter: Node;
}

/** An operation with what its path and the document say for it. */
export interface ReadOperation extends PlacedOperation {
  readonly parameters: readonly ReadParameter[];
  readonly servers: readonly string[];
  /** The alternatives of its security, as written. */
  readonly security: readonly Node[];
}

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/**
 * All operations by method and path, with the names of path parameters taken out: `GET /tasks/{}`.
 *
 * @throws {@link SpecError} when two of them differ in those names only.
 */
export function readOperations(
  document: OpenApiDocument,
  reader: SchemaReader,
  file: string,
): ReadonlyMap<string, ReadOperation> {
  const found = new Map<string, ReadOperation>();
  for (const [path, written] of nodesIn(document.paths).sort(([a], [b]) => compare(a, b))) {
    const item = reader.resolve(written);
    for (const [method, operation] of nodesIn(item).filter(([key]) => METHODS.includes(key))) {
      const read = readOperation(document, reader, { path, method, item, operation });
      const key = `${method.toUpperCase()} ${path.replace(/\{[^}]*\}/g, "{}")}`;
      const other = found.get(key);
      if (other) fail(file, read.key, `cannot be told from ${other.path}; only the names of parameters differ`);
      found.set(key, read);
    }
  }
  return found;
}

interface Written {
  readonly path: string;
  readonly method: string;
  readonly item: Node;
  readonly operation: Node;
}

function readOperation(document: OpenApiDocument, reader: SchemaReader, written: Written): ReadOperation {
  const { path, method, item, operation } = written;
  return {
    key: `${method.toUpperCase()} ${path}`,
    path,
    method,
    operation,
    parameters: parametersOf(reader, item, operation),
    servers: serversOf(operation["servers"] ?? item["servers"] ?? document.servers),
    security: listIn(operation["security"] ?? document["security"]).filter(isNode),
  };
}

/** A parameter of the operation stands for one of the path that has the same name. */
function parametersOf(reader: SchemaReader, item: Node, operation: Node): readonly ReadParameter[] {
  const written = [...listIn(item["parameters"]), ...listIn(operation["parameters"])].filter(isNode);
  const read = written.map((parameter) => readParameter(reader.resolve(parameter)));
  return [...new Map(read.map((one) => [`${one.in} ${one.name}`, one])).values()];
}

function readParameter(parameter: Node): ReadParameter {
  const place = String(parameter["in"]);
  const name = String(parameter["name"]);
  // Header names have no case.
  return { in: place, name: place === "header" ? name.toLowerCase() : name, parameter };
}

/** Addresses with their variables filled in. None at all means the place of the document itself. */
function serversOf(servers: unknown): readonly string[] {
  const urls = listIn(servers).filter(isNode).map(addressOf);
  return urls.length === 0 ? ["/"] : urls;
}

function addressOf({ url, variables }: Node): string {
  const values = new Map(nodesIn(variables).map(([name, variable]) => [name, String(variable["default"])]));
  const filled = String(url).replace(/\{([^}]*)\}/g, (whole, name: string) => values.get(name) ?? whole);
  return filled.replace(/(?<=.)\/+$/, "");
}

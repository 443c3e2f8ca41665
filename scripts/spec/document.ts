/** A JSON object of which nothing is known yet. */
export type Node = Record<string, unknown>;

/** The part of JSON Schema that the pipeline reads; every other keyword passes through untouched. */
export interface Schema extends Node {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  required?: string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: boolean | Schema;
  anyOf?: Schema[];
  "x-open-enum"?: boolean;
  /** A time that may lack its offset, and is UTC then. Not written by hand: it comes from the registration of the version. */
  "x-naive-utc"?: boolean;
}

export interface Content extends Node {
  content?: Record<string, { schema?: Schema }>;
}

export interface Parameter extends Node {
  name?: string;
  in?: string;
  schema?: Schema;
}

export interface Operation extends Node {
  operationId?: string;
  tags?: string[];
  parameters?: Parameter[];
  requestBody?: Content & { required?: boolean };
  responses?: Record<string, Content>;
  /** May the request be sent twice without harm? */
  "x-repeatable"?: boolean;
  /** Does the facade check the body before it is sent? */
  "x-facade"?: boolean;
}

export interface Components extends Node {
  schemas?: Record<string, Schema>;
  securitySchemes?: Record<string, Node>;
}

export interface OpenApiDocument extends Node {
  openapi: string;
  info: { title: string; version: string };
  servers: { url: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: Components;
}

/** An operation and where it stands. */
export interface PlacedOperation {
  /** `POST /tasks`. */
  readonly key: string;
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/** True for a JSON object: neither null nor a list. */
export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** All operations, in the order of their keys. */
export function operationsOf(document: OpenApiDocument): PlacedOperation[] {
  const placed = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => METHODS.includes(method))
      .map(([method, operation]) => ({ key: `${method.toUpperCase()} ${path}`, method, path, operation })),
  );
  return placed.sort((a, b) => compare(a.key, b.key));
}

/** The component schemas, never undefined. */
export function schemasOf(document: OpenApiDocument): Record<string, Schema> {
  return document.components.schemas ?? {};
}

/** Orders text by code unit: the same on every machine, whatever its locale. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * What OpenAPI 3.1 is made of, as far as it is structure: for each kind of object its keys, in the order in which they are
 * written, and what stands under each. `X[]` is a list of X, `X{}` maps names to X, `data` is any JSON.
 *
 * A key that is not here is prose, or something that the pipeline does not read. Only schemas keep keys that are unknown.
 */
const SHAPES = {
  document: {
    openapi: "data",
    info: "info",
    servers: "server[]",
    security: "data",
    paths: "pathItem{}",
    components: "components",
  },
  info: { title: "data", version: "data" },
  server: { url: "data" },
  components: {
    schemas: "schema{}",
    responses: "response{}",
    parameters: "parameter{}",
    requestBodies: "body{}",
    headers: "header{}",
    securitySchemes: "securityScheme{}",
  },
  pathItem: {
    $ref: "data",
    servers: "data",
    parameters: "parameter[]",
    get: "operation",
    post: "operation",
    put: "operation",
    patch: "operation",
    delete: "operation",
    head: "operation",
    options: "operation",
    trace: "operation",
  },
  operation: {
    tags: "data",
    operationId: "data",
    deprecated: "data",
    servers: "data",
    security: "data",
    parameters: "parameter[]",
    requestBody: "body",
    responses: "response{}",
  },
  parameter: {
    $ref: "data",
    name: "data",
    in: "data",
    required: "data",
    deprecated: "data",
    allowEmptyValue: "data",
    allowReserved: "data",
    style: "data",
    explode: "data",
    schema: "schema",
    content: "media{}",
  },
  header: {
    $ref: "data",
    required: "data",
    deprecated: "data",
    style: "data",
    explode: "data",
    schema: "schema",
    content: "media{}",
  },
  body: { $ref: "data", required: "data", content: "media{}" },
  response: { $ref: "data", headers: "header{}", content: "media{}" },
  media: { schema: "schema", encoding: "data" },
  securityScheme: {
    $ref: "data",
    type: "data",
    in: "data",
    name: "data",
    scheme: "data",
    bearerFormat: "data",
    openIdConnectUrl: "data",
    flows: "data",
  },
  schema: {
    $ref: "data",
    anyOf: "schema[]",
    oneOf: "schema[]",
    allOf: "schema[]",
    not: "schema",
    if: "schema",
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema; this table is no promise
    then: "schema",
    else: "schema",
    $defs: "schema{}",
    dependentSchemas: "schema{}",
    properties: "schema{}",
    patternProperties: "schema{}",
    additionalProperties: "schema",
    unevaluatedProperties: "schema",
    propertyNames: "schema",
    prefixItems: "schema[]",
    items: "schema",
    unevaluatedItems: "schema",
    contains: "schema",
    type: "data",
    format: "data",
    const: "data",
    enum: "data",
    required: "set",
    dependentRequired: "data",
    maxLength: "data",
    minLength: "data",
    pattern: "data",
    maximum: "data",
    minimum: "data",
    exclusiveMaximum: "data",
    exclusiveMinimum: "data",
    multipleOf: "data",
    maxItems: "data",
    minItems: "data",
    uniqueItems: "data",
    maxContains: "data",
    minContains: "data",
    maxProperties: "data",
    minProperties: "data",
    contentEncoding: "data",
    contentMediaType: "data",
    contentSchema: "schema",
    readOnly: "data",
    writeOnly: "data",
    deprecated: "data",
    default: "data",
  },
} as const;

/** A kind of object that OpenAPI describes. */
export type ShapeName = keyof typeof SHAPES;

/** What stands under a key: an object of some shape, a list or a map of such, or a value that is taken as it is. */
export type Child = ShapeName | `${ShapeName}[]` | `${ShapeName}{}` | "data" | "set";

/** The methods that an operation can have, as keys of a path. */
export const METHODS: readonly string[] = ["get", "post", "put", "patch", "delete", "head", "options", "trace"];

const TABLES: ReadonlyMap<ShapeName, ReadonlyMap<string, Child>> = new Map(
  Object.entries(SHAPES).map(([name, keys]) => [name as ShapeName, new Map<string, Child>(Object.entries(keys))]),
);

/** The keys of a shape, in the order in which they are written. */
export function keysOf(shape: ShapeName): ReadonlyMap<string, Child> {
  return TABLES.get(shape) ?? new Map();
}

/** Takes `X[]` and `X{}` apart. */
export function itemShape(child: Child): ShapeName | undefined {
  if (child === "data" || child === "set") return undefined;
  // What is left once the brackets are gone is the name of a shape.
  return child.replace(/\[\]$|\{\}$/, "") as ShapeName;
}

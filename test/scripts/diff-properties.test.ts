import { beforeAll, expect, test } from "vitest";
import type { Finding } from "../../scripts/diff/change.ts";
import { type Kind, rules } from "../../scripts/diff/rules.ts";
import { readSource } from "../../scripts/diff/source.ts";
import { isNode, type OpenApiDocument, operationsOf } from "../../scripts/spec/document.ts";
import { mapReferences, reachableSchemas } from "../../scripts/spec/references.ts";
import { requestParts, responseParts } from "../../scripts/spec/schemas.ts";
import { versions } from "../../scripts/versions.ts";
import { found } from "./diff-fixture.ts";
import { type Loose, seeded } from "./fixture.ts";

// The documents of this repository are the base: they hold what a real description holds.
const documents: OpenApiDocument[] = [];

beforeAll(async () => {
  for (const { name } of versions) documents.push((await readSource(name)).document);
});

test("a document does not differ from itself, however its keys are ordered and its schemas are called", () => {
  const random = seeded(1);

  for (const document of documents) {
    expect(found(document, document)).toEqual([]);
    for (let round = 0; round < 3; round++) {
      const other = shuffled(
        renamed(document, (name) => `${round}${name}`),
        random,
      );
      expect(found(document, other)).toEqual([]);
      expect(found(other, document)).toEqual([]);
    }
  }
});

test("a document does not differ from itself when names are exchanged", () => {
  for (const document of documents) {
    const names = Object.keys(document.components.schemas ?? {});
    const next = new Map(names.map((name, index) => [name, names[(index + 1) % names.length] ?? name]));

    expect(
      found(
        document,
        renamed(document, (name) => next.get(name) ?? name),
      ),
    ).toEqual([]);
  }
});

test("a document does not differ from itself when a schema is written in place wherever it is used", () => {
  for (const document of documents) {
    const names = Object.keys(document.components.schemas ?? {});
    for (const name of names.filter((_, index) => index % 6 === 0)) {
      if (!reachableSchemas(document, [document.components.schemas?.[name]]).has(name))
        expect(found(document, inlined(document, name))).toEqual([]);
    }
  }
});

test("every change of a schema is found once for each direction in which the schema is used", () => {
  const random = seeded(2);

  for (let round = 0; round < 60; round++) {
    const document = pick(documents, random);
    const { changed, name, expected } = mutatedSchema(document, random);
    const directions = directionsOf(document, name);
    const findings = found(document, changed);

    expect(findings.map(({ kind }) => kind)).toEqual(directions.map(() => expected));
    expect(findings.map(({ role }) => role).sort()).toEqual(directions);
  }
});

test("every change of an operation is found once", () => {
  const random = seeded(3);

  for (let round = 0; round < 60; round++) {
    const document = pick(documents, random);
    const { changed, expected, key } = mutatedOperation(document, random);

    expect(found(document, changed)).toEqual([expect.objectContaining({ kind: expected, operations: [key] })]);
  }
});

test("many changes at once are told as their opposites when old and new are swapped", () => {
  const random = seeded(4);
  const traits = ({ kind, place, role, operations }: Finding) => [kind, place, role, operations].join(" ");
  const opposed = (finding: Finding) => ({ ...finding, kind: rules[finding.kind].opposite as Kind });

  for (let round = 0; round < 12; round++) {
    const document = pick(documents, random);
    let changed = document;
    for (let change = 0; change < 10; change++) changed = mutatedSchema(changed, random).changed;

    const forth = found(document, changed).map(traits).sort();
    const back = found(changed, document)
      .map((finding) => traits(opposed(finding)))
      .sort();
    expect(back).toEqual(forth);
  }
});

interface Mutation {
  readonly changed: OpenApiDocument;
  readonly name: string;
  readonly expected: Kind;
}

/** One change of one property of one schema that operations use. */
function mutatedSchema(document: OpenApiDocument, random: () => number): Mutation {
  for (;;) {
    const changed: Loose = structuredClone(document);
    const name = pick(Object.keys(changed.components.schemas), random);
    const expected = pick(schemaMutations, random)(changed.components.schemas[name], random);
    if (expected && directionsOf(document, name).length > 0) return { changed, name, expected };
  }
}

/** Changes a schema and says what should be found, or leaves it alone where the change makes no sense. */
type SchemaMutation = (schema: Loose, random: () => number) => Kind | undefined;

const schemaMutations: readonly SchemaMutation[] = [
  (schema) =>
    change(isNode(schema.properties), "property-added", () => {
      schema.properties[`added${Object.keys(schema.properties).length}`] = { type: "string" };
    }),
  onProperty((schema, property) =>
    change(true, "property-removed", () => {
      delete schema.properties[property];
      schema.required = schema.required?.filter((one: string) => one !== property);
    }),
  ),
  onProperty((schema, property) => {
    const required = schema.required?.includes(property) === true;
    const kind = required ? "property-optional" : "property-required";
    return change(!hasDefault(schema.properties[property]), kind, () => {
      const others = (schema.required ?? []).filter((one: string) => one !== property);
      schema.required = required ? others : [...others, property];
    });
  }),
  onProperty((schema, property) =>
    change(isPlain(schema.properties[property]), "null-added", () => {
      schema.properties[property] = { anyOf: [{ type: "null" }, schema.properties[property]] };
    }),
  ),
  onProperty((schema, property) =>
    change(isPlain(schema.properties[property]), "type-changed", () => {
      const { default: initial, ...rest } = schema.properties[property];
      schema.properties[property] = {
        type: rest.type === "array" ? "object" : "array",
        ...(initial !== undefined && { default: initial }),
      };
    }),
  ),
  onProperty((schema, property) =>
    change(
      schema.properties[property].type === "string" && !hasLimit(schema.properties[property]),
      "range-narrowed",
      () => {
        schema.properties[property].maxLength = 7;
      },
    ),
  ),
  onProperty((schema, property) =>
    change(!hasDefault(schema.properties[property]), "default-added", () => {
      schema.properties[property].default = "another";
    }),
  ),
  onProperty((schema, property) =>
    change(schema.properties[property].deprecated !== true, "deprecated-set", () => {
      schema.properties[property].deprecated = true;
    }),
  ),
  (schema) => change(Array.isArray(schema.enum), "enum-added", () => schema.enum.unshift("another")),
  (schema) => change(schema.enum?.length > 1, "enum-removed", () => schema.enum.pop()),
  (schema) =>
    change(schema.type === "object" && schema.additionalProperties === undefined, "object-closed", () => {
      schema.additionalProperties = false;
    }),
];

interface OperationMutation {
  readonly changed: OpenApiDocument;
  readonly key: string;
  readonly expected: Kind;
}

function mutatedOperation(document: OpenApiDocument, random: () => number): OperationMutation {
  for (;;) {
    const changed = structuredClone(document);
    const { key, path, method, operation } = pick(operationsOf(changed), random);
    const expected = pick(operationMutations, random)(operation, random, () => delete changed.paths[path]?.[method]);
    if (expected) return { changed, key, expected };
  }
}

type Mutate = (operation: Loose, random: () => number, remove: () => void) => Kind | undefined;

const operationMutations: readonly Mutate[] = [
  (_operation, _random, remove) => change(true, "operation-removed", remove),
  (operation) => change(true, "operation-id-changed", () => (operation.operationId += "_again")),
  (operation) => change(operation["x-repeatable"], "repeatable-withdrawn", () => delete operation["x-repeatable"]),
  (operation) => change(true, "server-changed", () => (operation.servers = [{ url: "https://other.test" }])),
  (operation) => change(operation.security?.length > 0, "security-loosened", () => (operation.security = [])),
  (operation) =>
    change(
      true,
      "parameter-added",
      () => (operation.parameters = [...(operation.parameters ?? []), { in: "query", name: "added" }]),
    ),
  (operation, random) => {
    const queries = (operation.parameters ?? []).filter((parameter: Loose) => parameter.in === "query");
    return change(queries.length > 0, "parameter-removed", () =>
      operation.parameters.splice(operation.parameters.indexOf(pick(queries, random)), 1),
    );
  },
  (operation) => change(operation.requestBody, "body-removed", () => delete operation.requestBody),
  (operation) => change(operation.requestBody?.required, "body-optional", () => delete operation.requestBody.required),
  (operation) =>
    change(
      operation.responses["418"] === undefined,
      "error-status-added",
      () => (operation.responses["418"] = { description: "" }),
    ),
  (operation) => change(operation.responses["422"], "error-status-removed", () => delete operation.responses["422"]),
  (operation) =>
    change(operation.responses["200"]?.content, "content-removed", () => delete operation.responses["200"].content),
  (operation) =>
    change(operation.responses["200"], "success-status-changed", () => {
      operation.responses["203"] = operation.responses["200"];
      delete operation.responses["200"];
    }),
];

function change(applies: unknown, kind: Kind, apply: () => unknown): Kind | undefined {
  if (!applies) return undefined;
  apply();
  return kind;
}

function onProperty(mutate: (schema: Loose, property: string) => Kind | undefined): SchemaMutation {
  return (schema, random) => {
    const names = Object.keys(schema.properties ?? {});
    return names.length > 0 ? mutate(schema, pick(names, random)) : undefined;
  };
}

function isPlain(schema: Loose): boolean {
  return typeof schema.type === "string" && schema.type !== "null";
}

function hasDefault(schema: Loose): boolean {
  return "default" in schema;
}

function hasLimit(schema: Loose): boolean {
  return "maxLength" in schema || "enum" in schema || "const" in schema;
}

function directionsOf(document: OpenApiDocument, name: string): string[] {
  const operations = operationsOf(document);
  return [
    ...(reachableSchemas(document, operations.flatMap(requestParts)).has(name) ? ["request"] : []),
    ...(reachableSchemas(document, operations.flatMap(responseParts)).has(name) ? ["response"] : []),
  ];
}

function renamed(document: OpenApiDocument, rename: (name: string) => string): OpenApiDocument {
  const prefix = "#/components/schemas/";
  const result = mapReferences(structuredClone(document), (target) =>
    target.startsWith(prefix) ? prefix + rename(target.slice(prefix.length)) : target,
  );
  const schemas = Object.entries(result.components.schemas ?? {}).map(([name, schema]) => [rename(name), schema]);
  return { ...result, components: { ...result.components, schemas: Object.fromEntries(schemas) } };
}

function inlined(document: OpenApiDocument, name: string): OpenApiDocument {
  const schema = document.components.schemas?.[name];
  const replace = (value: Loose): Loose => {
    if (Array.isArray(value)) return value.map(replace);
    if (!isNode(value)) return value;
    const { $ref, ...siblings } = value;
    if ($ref === `#/components/schemas/${name}`) return { ...structuredClone(schema), ...replace(siblings) };
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, replace(child)]));
  };
  return replace(document);
}

function shuffled(value: Loose, random: () => number): Loose {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, random));
  if (!isNode(value)) return value;
  const entries = Object.entries(value).map(([key, child]) => ({ key, child: shuffled(child, random), at: random() }));
  return Object.fromEntries(entries.sort((a, b) => a.at - b.at).map(({ key, child }) => [key, child]));
}

function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)] as T; // never empty here
}

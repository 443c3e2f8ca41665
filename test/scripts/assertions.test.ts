import { expect, test } from "vitest";
import { mergedDocument } from "../../scripts/spec/pipeline.ts";
import { SpecError } from "../../scripts/spec/problem.ts";
import { type Files, type Loose, schema, seeded, sound, sourcesOf, writeVersion } from "./fixture.ts";

/** What the pipeline says about the small API after a fault was planted in it. */
async function errorAfter(plant: (files: { structure: Loose; overlay: Loose }) => void): Promise<string> {
  const files = sound();
  plant(files);
  const sources = await sourcesOf({ v9: files });
  return mergedDocument(sources).then(
    () => "no error",
    (error: unknown) => (error instanceof SpecError ? error.message : `not a SpecError: ${error}`),
  );
}

const post = ({ structure }: Files): Loose => structure.paths["/things"].post;
const remove = ({ structure }: Files): Loose => structure.paths["/things/{thing_id}"].delete;
const schemas = ({ structure }: Files): Loose => structure.components.schemas;

const faults: readonly [string, (files: Files) => void, string][] = [
  [
    "an OpenAPI version other than 3.1",
    ({ structure }) => Object.assign(structure, { openapi: "3.2.0" }),
    "openapi/v9.yaml: openapi: is 3.2.0, but only 3.1.x is understood; convert the file",
  ],
  [
    "a version that no tool knows",
    ({ structure }) => Object.assign(structure, { openapi: "next" }),
    "openapi/v9.yaml: cannot be linted (Unsupported OpenAPI version: next); correct it",
  ],
  [
    "a text of several lines where one word belongs",
    ({ structure }) => Object.assign(structure, { openapi: "one\n  two" }),
    "openapi/v9.yaml: cannot be linted (Unsupported OpenAPI version: one two); correct it",
  ],
  [
    "a schema that is nothing but itself",
    (files) => Object.assign(schemas(files), { Thing: schema("Thing") }),
    "openapi/v9.yaml: cannot be linted (Self-referencing circular pointer); correct it",
  ],
  [
    "another server than the registered one",
    ({ structure }) => Object.assign(structure.servers[0], { url: "https://elsewhere.test/v9" }),
    "openapi/v9.yaml: servers: must be https://things.test/api/v9 alone, but is https://elsewhere.test/v9",
  ],
  [
    "two operations with one operationId",
    (files) => Object.assign(post(files), { operationId: "list_things" }),
    "openapi/v9.yaml: POST /things: shares its operationId list_things with GET /things; rename one",
  ],
  [
    "an operation without an operationId",
    (files) => delete post(files).operationId,
    "openapi/v9.yaml: POST /things: has no operationId; give it one",
  ],
  [
    "a reference to nothing",
    (files) => delete schemas(files).Color,
    "openapi/v9.overlay.yaml: $.components.schemas.Color: matches nothing; correct the target or delete the action",
  ],
  [
    "a $ref that dangles",
    (files) => Object.assign(schemas(files).Thing.properties.note, schema("Gone")),
    "openapi/v9.yaml: components.schemas.Thing.properties.note: refers to #/components/schemas/Gone, which is not in this file; add it or correct the $ref",
  ],
  [
    "a $ref into another file",
    (files) => Object.assign(schemas(files).Thing.properties.note, { $ref: "https://elsewhere.test/x.yaml#/Y" }),
    "openapi/v9.yaml: components.schemas.Thing.properties.note: refers to https://elsewhere.test/x.yaml#/Y, which is not in this file; add it or correct the $ref",
  ],
  [
    "an enum member that is an object",
    (files) => Object.assign(schemas(files).Thing.properties, { mood: { enum: [{ value: "glad" }] } }),
    "openapi/v9.yaml: components.schemas.Thing.properties.mood: has an enum member that is an object; write the bare value",
  ],
  [
    "an enum member that is an object, deep in a parameter",
    ({ structure }) =>
      Object.assign(structure.paths["/things"].get.parameters[0], { schema: { anyOf: [{ enum: [{ value: 1 }] }] } }),
    "openapi/v9.yaml: GET /things parameter size.anyOf[0]: has an enum member that is an object; write the bare value",
  ],
  [
    "a 204 with content",
    (files) => Object.assign(remove(files).responses["204"], { content: { "application/json": { schema: {} } } }),
    "openapi/v9.yaml: DELETE /things/{thing_id} 204: has content, but a 204 never has a body; remove the content",
  ],
  [
    "the key as a header parameter",
    (files) =>
      remove(files).parameters.push({ name: "x-key", in: "header", required: true, schema: { type: "string" } }),
    "openapi/v9.yaml: DELETE /things/{thing_id}: takes the key as parameter x-key; declare it under security instead",
  ],
  [
    "a needed body that may be left out",
    (files) => delete post(files).requestBody.required,
    "openapi/v9.yaml: POST /things body: has required properties, so it must say required: true",
  ],
  [
    "ge where JSON Schema says minimum",
    (files) => Object.assign(schemas(files).Thing.properties.count, { ge: 1 }),
    "openapi/v9.yaml: components.schemas.Thing.properties.count.ge: Property `ge` is not expected here; correct it in the overlay, or at its source (lint rule struct)",
  ],
  [
    "an operation of which nobody said whether it may be repeated",
    ({ overlay }) => delete overlay.actions[1].update["x-repeatable"],
    "openapi/v9.yaml: POST /things: has no x-repeatable; say in the overlay whether it may be sent twice",
  ],
  [
    "a GET that may not be repeated",
    ({ overlay }) => Object.assign(overlay.actions[0].update, { "x-repeatable": false }),
    "openapi/v9.yaml: GET /things: says x-repeatable: false, but its method promises that; remove the mark",
  ],
  [
    "a schema with defaults in both directions",
    (files) => Object.assign(post(files).requestBody.content["application/json"], { schema: schema("Thing") }),
    "openapi/v9.yaml: components.schemas.Thing: has defaults and is used in requests and in responses; give each direction a schema of its own",
  ],
  [
    "a path parameter that is not declared",
    (files) => remove(files).parameters.pop(),
    "openapi/v9.yaml: paths./things/{thing_id}.delete.parameters: The operation does not define the path parameter `{thing_id}` expected by path `/things/{thing_id}`; correct it in the overlay, or at its source (lint rule path-parameters-defined)",
  ],
];

test.each(faults)("%s is refused, with the file, the place and what to do", async (_, plant, message) => {
  expect(await errorAfter(plant)).toBe(message);
});

test("every problem of a file is told at once, one per line", async () => {
  const message = await errorAfter((files) => {
    files.structure.openapi = "3.2.0";
    delete post(files).operationId;
  });

  expect(message.split("\n")).toHaveLength(2);
});

test("properties may carry the names of keywords", async () => {
  const message = await errorAfter((files) => {
    const text = { type: "string" };
    Object.assign(schemas(files).Thing.properties, {
      default: text,
      required: text,
      enum: text,
      ge: text,
      items: text,
    });
  });

  expect(message).toBe("no error");
});

test("whatever a file is damaged with, the answer is a line about it and never a crash", async () => {
  const random = seeded(20_260_901);
  const sources = await sourcesOf({ v9: sound() });
  const odd: string[] = [];

  for (let round = 0; round < 400; round++) {
    const files = sound();
    const place = damage(random() < 0.7 ? files.structure : files.overlay, random);
    await writeVersion(sources.root, "v9", files);
    const error: unknown = await mergedDocument(sources).catch((reason: unknown) => reason);
    if (error instanceof Error && !(error instanceof SpecError)) odd.push(`${place}: ${error.stack}`);
  }

  expect(odd).toEqual([]);
});

/** Puts a value of a wrong kind somewhere, or takes one away; tells where. */
function damage(root: Loose, random: () => number): string {
  const places: { parent: Loose; key: string; path: string }[] = [];
  const collect = (parent: Loose, path: string): void => {
    for (const key of Object.keys(parent)) {
      places.push({ parent, key, path: `${path}.${key}` });
      if (typeof parent[key] === "object" && parent[key] !== null) collect(parent[key], `${path}.${key}`);
    }
  };
  collect(root, "");
  const { parent, key, path } = places[Math.floor(random() * places.length)] ?? { parent: root, key: "x", path: "" };
  const wrong = [
    undefined,
    schema("Thing"),
    null,
    7,
    "text",
    true,
    [],
    {},
    [null],
    { $ref: "#/x" },
    [{ value: "x" }],
    { x: null },
  ];
  const value = wrong[Math.floor(random() * wrong.length)];
  if (value === undefined) delete parent[key];
  else parent[key] = value;
  return `${path} = ${JSON.stringify(value)}`;
}

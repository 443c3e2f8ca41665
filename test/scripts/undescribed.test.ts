import { beforeAll, expect, test } from "vitest";
import { mergedDocument } from "../../scripts/spec/pipeline.ts";
import { allSchemas } from "../../scripts/spec/schemas.ts";
import { undescribed } from "../../scripts/spec/undescribed.ts";
import { services } from "../../scripts/versions.ts";
import { type Files, type Loose, schema, sound, sourcesOf } from "./fixture.ts";

let ours: Loose;
let all: Loose[];

beforeAll(async () => {
  all = await Promise.all(services.map((service) => mergedDocument({ service })));
  [ours] = all;
});

/** What is listed of our own document after a change to a copy of it. */
function listedAfter(change: (document: Loose) => void): string[] {
  const document = structuredClone(ours);
  change(document);
  return undescribed(document).map(({ place }) => place);
}

/** What is listed of the small API, which describes no property and no parameter. */
async function listedOf(files: Files): Promise<string[]> {
  return undescribed(await mergedDocument(await sourcesOf({ v9: files }))).map(({ place }) => place);
}

test("every operation, property and parameter that is not obvious has a text", () => {
  expect(all.flatMap(undescribed)).toEqual([]);
});

test("what has no text is listed by its place, unless its name says all", async () => {
  expect(await listedOf(sound())).toEqual([
    "GET /v9/things parameter size",
    "components.schemas.V9NewThing.properties.color",
    "components.schemas.V9NewThing.properties.count",
    "components.schemas.V9Thing.properties.count",
    "components.schemas.V9Thing.properties.note",
  ]);
});

test("a text in the overlay takes its place off the list", async () => {
  const files = sound();
  files.overlay.actions.push(
    { target: "$.paths['/things'].get.parameters[?@.name == 'size']", update: { description: "From 1." } },
    { target: "$.components.schemas.NewThing.properties", update: { color: { description: "Of its paint." } } },
  );

  const places = await listedOf(files);

  expect(places).toHaveLength(3);
  expect(places).not.toContain("GET /v9/things parameter size");
  expect(places).not.toContain("components.schemas.V9NewThing.properties.color");
});

test("a new operation without a summary is listed, and so are its parameters", () => {
  const places = listedAfter(({ paths }) => {
    paths["/v3/robots/{robot_id}"] = {
      get: {
        parameters: [
          { name: "robot_id", in: "path" },
          { name: "parts", in: "query" },
          { name: "robot_id", in: "query" },
        ],
      },
    };
  });

  expect(places).toEqual([
    "GET /v3/robots/{robot_id}",
    "GET /v3/robots/{robot_id} parameter parts",
    "GET /v3/robots/{robot_id} parameter robot_id",
  ]);
});

test("a new property is listed, in a schema of its own as well as deep in a body", () => {
  const places = listedAfter(({ components, paths }) => {
    components.schemas.V3SessionResponse.properties.mood = { type: "string" };
    components.schemas.V3RobotView = { type: "object", properties: { id: {}, arms: { type: "integer" } } };
    paths["/v3/sessions"].post.responses["200"].content["application/json"].schema = {
      anyOf: [{ type: "array", items: { type: "object", properties: { legs: { type: "integer" } } } }],
    };
  });

  expect(places).toEqual([
    "components.schemas.V3SessionResponse.properties.mood",
    "components.schemas.V3RobotView.properties.arms",
    "POST /v3/sessions 200.anyOf[0].items.properties.legs",
  ]);
});

test("a property that refers to a described schema needs a text of its own, and an empty text is none", () => {
  const places = listedAfter(({ components }) => {
    components.schemas.V3SessionResponse.properties.status = schema("V3BuAgentSessionStatus");
    components.schemas.V3SessionResponse.properties.title.description = " ";
  });

  expect(places).toEqual([
    "components.schemas.V3SessionResponse.properties.status",
    "components.schemas.V3SessionResponse.properties.title",
  ]);
});

test("a text is one short line", () => {
  const odd = texts().filter(({ text }) => text.length > 120 || /\n|^\s|\s$|\*\/|(^|\s)@/.test(text));

  expect(odd).toEqual([]);
});

test("the limits that a text names are those of the wire", () => {
  const wrong = texts().filter(({ text, value }) => !numbersOf(text).every((number) => limitsOf(value).has(number)));

  expect(texts().filter(({ text }) => numbersOf(text).length > 0).length).toBeGreaterThan(40);
  expect(wrong).toEqual([]);
});

test("a text that names an old limit is found", () => {
  const timeout = { minimum: 1, maximum: 480, default: 60 };

  expect(numbersOf("Minutes, 1 to 240. Up to 1,000 characters; at least 10. Good for 15 minutes.")).toEqual([
    1, 240, 1000, 10,
  ]);
  expect(limitsOf({ anyOf: [timeout, { type: "null" }] })).toEqual(new Set([1, 480, 60]));
});

interface Text {
  readonly place: string;
  readonly text: string;
  /** The schema of what is described. */
  readonly value: Loose;
}

function texts(): Text[] {
  return all.flatMap(textsOf);
}

function textsOf(document: Loose): Text[] {
  const properties = [...allSchemas(document)].flatMap(({ schema: { properties }, place }) =>
    Object.entries<Loose>(properties ?? {}).map(([name, value]) => ({ place: `${place}.${name}`, value, of: value })),
  );
  const parameters = Object.entries<Loose>(document.paths).flatMap(([path, item]) =>
    Object.values<Loose>(item).flatMap(({ parameters = [] }) =>
      parameters.map((of: Loose) => ({ place: `${path} ${of.name}`, value: of.schema, of })),
    ),
  );
  return [...properties, ...parameters].flatMap(({ place, value, of }) =>
    of.description === undefined ? [] : [{ place, value, text: of.description }],
  );
}

/** What a text says of limits: `1 to 100`, `up to 1,000 characters`, `at least 10`, `10 when left out`, `(10,485,760)`. */
const LIMITS = /([\d,]+) to ([\d,]+)|up to ([\d,]+) characters|at least ([\d,]+)|([\d,]+) when left out|\(([\d,]+)\)/gi;

function numbersOf(text: string): number[] {
  const named = text.matchAll(LIMITS);
  return [...named].flatMap(([, ...found]) => found).flatMap((found) => (found ? Number(found.replace(/,/g, "")) : []));
}

function limitsOf(value: Loose): Set<number> {
  const branches = [value, ...(value.anyOf ?? [])];
  const keywords = ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "default"];
  return new Set(branches.flatMap((branch) => keywords.flatMap((keyword) => branch[keyword] ?? [])));
}

import { expect, test } from "vitest";
import { emitValidators } from "../../scripts/emit-validators.ts";
import type { OpenApiDocument } from "../../scripts/spec/document.ts";
import { mergedDocument } from "../../scripts/spec/pipeline.ts";
import type { Operation } from "../../src/generated/validators.js";
import { type Loose, soundAs, sourcesOf } from "./fixture.ts";

const TIME = { type: "string", format: "date-time" };
const MARKED = { ...TIME, "x-naive-utc": true };
const NAIVE = "2026-01-02T03:04:05.678901";

/** Two versions with the same times in every place; only the first is registered as writing naive ones. */
async function merged(): Promise<OpenApiDocument> {
  const { root, service } = await sourcesOf({ v8: timed("v8"), v9: timed("v9") });
  const [eight, ...others] = service.versions;
  const versions = eight === undefined ? others : [{ ...eight, naiveTimestamps: true as const }, ...others];
  return mergedDocument({ root, service: { ...service, versions } });
}

function timed(name: string): ReturnType<typeof soundAs> {
  const files = soundAs(name);
  const { paths, components } = files.structure;
  paths["/things"].get.parameters.push({ name: "since", in: "query", schema: TIME });
  paths["/things"].get.responses["200"].content["application/json"].schema = {
    type: "array",
    items: { type: "object", properties: { at: TIME } },
  };
  components.schemas.Thing.properties.ended = { anyOf: [TIME, { type: "null" }] };
  components.schemas.Thing.properties.format = { type: "string" };
  components.schemas.Thing.properties.shape = { type: "object", default: TIME };
  return files;
}

/** Every place of a version where a time stands, as it is in the merged document. */
function timesOf({ paths, components }: Loose, name: "v8" | "v9"): Loose[] {
  const { get } = paths[`/${name}/things`];
  const { ended } = components.schemas[`${name.toUpperCase()}Thing`].properties;
  const since = get.parameters.find((parameter: Loose) => parameter.name === "since");
  return [since.schema, get.responses["200"].content["application/json"].schema.items.properties.at, ended.anyOf[0]];
}

test("every time of a version that writes naive ones is marked, and no time of another", async () => {
  const document = await merged();

  expect(timesOf(document, "v8")).toEqual([MARKED, MARKED, MARKED]);
  expect(timesOf(document, "v9")).toEqual([TIME, TIME, TIME]);
});

test("only a schema is marked: no value that looks like one, and no property that is called format", async () => {
  const { components }: Loose = await merged();

  expect(components.schemas.V8Thing.properties.shape.default).toEqual(TIME);
  expect(components.schemas.V8Thing.properties.format).toEqual({ type: "string" });
});

test("a time without an offset is valid where it is marked, and nowhere else; what is refused is called a date-time", async () => {
  const [code] = await emitValidators(await merged());
  const { operations }: { operations: Operation[] } = await import(
    `data:text/javascript,${encodeURIComponent(code?.content ?? "")}`
  );
  const since = (name: string, value: string) => {
    const { validateQuery } =
      operations.find(({ path, method }) => path === `/${name}/things` && method === "GET") ?? {};
    return validateQuery?.({ since: value }) === true ? "valid" : validateQuery?.errors?.[0]?.params;
  };

  expect([since("v8", NAIVE), since("v8", `${NAIVE}Z`)]).toEqual(["valid", "valid"]);
  expect([since("v9", NAIVE), since("v9", `${NAIVE}Z`)]).toEqual([{ format: "date-time" }, "valid"]);
  expect(since("v8", "yesterday")).toEqual({ format: "date-time" });
});

import { beforeAll, expect, test } from "vitest";
import { operationsOf } from "../../scripts/spec/document.ts";
import { mergedDocument } from "../../scripts/spec/pipeline.ts";
import { reachableSchemas, referencesIn } from "../../scripts/spec/references.ts";
import { allSchemas } from "../../scripts/spec/schemas.ts";
import type { Loose } from "./fixture.ts";

let merged: Loose;
let schemas: Loose;

beforeAll(async () => {
  merged = await mergedDocument();
  schemas = merged.components.schemas;
});

const keys = (): string[] => operationsOf(merged).map(({ key }) => key);

test("the merged document has all 44 operations of v2, 26 of v3 and 27 of v4, below one server", () => {
  expect(keys().filter((key) => key.includes(" /v2/"))).toHaveLength(44);
  expect(keys().filter((key) => key.includes(" /v3/"))).toHaveLength(26);
  expect(keys().filter((key) => key.includes(" /v4/"))).toHaveLength(27);
  expect(keys()).toHaveLength(97);
  expect(merged.servers).toEqual([{ url: "https://api.browser-use.com/api" }]);
});

test("everything but the key's scheme carries the prefix of its version", () => {
  for (const { path, operation } of operationsOf(merged)) {
    const [version] = /(?<=^\/)v\d/.exec(path) ?? [];
    expect(operation.operationId).toMatch(new RegExp(`^${version}_`));
    expect(operation.tags?.every((tag) => tag.startsWith(`${version} `))).toBe(true);
  }
  expect(Object.keys(schemas).filter((name) => !/^V[234][A-Z]/.test(name))).toEqual([]);
  expect(Object.keys(merged.components.securitySchemes)).toEqual(["APIKeyHeader"]);
});

test("no version refers to a schema of another", () => {
  for (const [name, schema] of Object.entries(schemas)) {
    const prefix = name.slice(0, 2);
    for (const { target } of referencesIn(schema)) expect(target).toMatch(`#/components/schemas/${prefix}`);
  }
});

test("no schema is left that no operation uses", () => {
  const used = reachableSchemas(merged, [merged.paths]);

  expect(Object.keys(schemas).filter((name) => !used.has(name))).toEqual([]);
});

test("properties that the server fills in by default are required in answers and optional in requests", () => {
  expect(schemas.V3SessionResponse.required).toEqual(
    expect.arrayContaining(["stepCount", "recordingUrls", "totalCostUsd"]),
  );
  expect(schemas.V2SessionView.required).toEqual(expect.arrayContaining(["keepAlive", "proxyCost"]));
  expect(schemas.V4RunListResponse.required).toEqual(["hasMore", "runs"]);
  expect(schemas.V2CreateTaskRequest.required).toEqual(["task"]);
  expect(schemas.V3RunTaskRequest.required).toBeUndefined();
  expect(schemas.V4RunCreateRequest.required).toEqual(["task"]);
});

test("every operation that takes a key says how a wrong one is answered", () => {
  const open = operationsOf(merged).filter(({ operation }) => operation.responses?.["401"] === undefined);

  expect(open.map(({ key }) => key)).toEqual(["GET /v2/marketplace/skills", "GET /v2/marketplace/skills/{skill_slug}"]);
});

test("every answer that is an error tells its detail", () => {
  for (const { key, operation } of operationsOf(merged)) {
    for (const [status, response] of Object.entries(operation.responses ?? {})) {
      if (Number(status) < 400) continue;
      expect(response.content?.["application/json"]?.schema, `${key} ${status}`).toBeDefined();
    }
  }
});

test("a refused body is answered with a list of errors, everywhere", () => {
  for (const { operation } of operationsOf(merged)) {
    const { $ref } = operation.responses?.["422"]?.content?.["application/json"]?.schema ?? {};
    expect($ref).toMatch(/HTTPValidationError$/);
  }
});

test("a v3 task may be refused for credit, for an unknown id, for a busy session and for too many sessions", () => {
  expect(Object.keys(merged.paths["/v3/sessions"].post.responses)).toEqual([
    "200",
    "401",
    "402",
    "404",
    "409",
    "422",
    "429",
  ]);
});

test("whatever an operation of v3 or v4 names by an id in its path may be unknown", () => {
  const silent = operationsOf(merged)
    .filter(({ path }) => /^\/v[34]\/.*\{/.test(path))
    .filter(({ operation }) => operation.responses?.["404"] === undefined);

  expect(silent.map(({ key }) => key)).toEqual([]);
});

test.each(["V2", "V3"])("%s has the newer field of accounts", (prefix) => {
  expect(schemas[`${prefix}AccountView`].properties.tracingDisabled).toMatchObject({ type: "boolean" });
  expect(schemas[`${prefix}AccountView`].required).not.toContain("tracingDisabled");
});

test.each(["V2", "V3", "V4"])("%s has the newer fields of browsers", (prefix) => {
  const of = (name: string): Loose => schemas[prefix + name].properties;

  expect(of("CreateBrowserSessionRequest")).toMatchObject({
    metadata: { additionalProperties: { type: "string" }, maxProperties: 10 },
    solveCaptchas: { default: true },
    pdfRendererEnabled: { default: true },
  });
  expect(of("BrowserSessionItemView").metadata.default).toEqual({});
  expect(of("BrowserSessionView")).toMatchObject({ metadata: { default: {} }, recordingAvailable: { default: true } });
  const filters = merged.paths[`/${prefix.toLowerCase()}/browsers`].get.parameters.map(({ name }: Loose) => name);
  expect(filters).toEqual(expect.arrayContaining(["metadata", "agentSessionId"]));
});

test("tasks take a thinking level, and v3 sessions a screen size", () => {
  const levels = ["disabled", "low", "medium", "high"];
  expect(schemas.V2ThinkingLevel.enum).toEqual(levels);
  expect(schemas.V3ThinkingLevel.enum).toEqual(levels);
  expect(schemas.V2CreateTaskRequest.properties).toHaveProperty("thinkingLevel");
  for (const name of ["V3RunTaskRequest", "V3SessionResponse"]) {
    expect(Object.keys(schemas[name].properties)).toEqual(
      expect.arrayContaining(["thinkingLevel", "browserScreenWidth", "browserScreenHeight"]),
    );
  }
});

test("the lists of models are the newest, and keep the model that older documents have as the default", () => {
  expect(schemas.V2SupportedLLMs.enum).toEqual(
    expect.arrayContaining(["browser-use-2.0", "claude-opus-5", "minimax-m3"]),
  );
  expect(schemas.V2SupportedLLMs.enum).not.toContain("claude-sonnet-4-6");
  expect(schemas.V2SupportedLLMs.enum).toHaveLength(33);
  expect(schemas.V3BuModel.enum).toEqual(
    expect.arrayContaining(["claude-sonnet-4.6", "claude-opus-4.7", "gpt-5-mini"]),
  );
  expect(schemas.V3BuModel.enum).toHaveLength(25);
});

test.each([
  ["V2", 247],
  ["V3", 247],
  ["V4", 248],
])("countries of %s are %i, all text, with uk and without gb", (prefix, count) => {
  const { enum: countries } = schemas[`${prefix}ProxyCountryCode`];

  expect(new Set(countries).size).toBe(count);
  expect(countries).toEqual(expect.arrayContaining(["uk", "no"]));
  expect(countries).not.toContain("gb");
});

test("lists that grow are open, and statuses and actions are not", () => {
  const open = [...allSchemas(merged)].filter(({ schema }) => schema["x-open-enum"]);

  expect(open.map(({ place }) => place.replace("components.schemas.", ""))).toEqual([
    "V2ProxyCountryCode",
    "V2SkillCategory",
    "V2SupportedLLMs",
    "V2ThinkingLevel",
    "V3BuModel",
    "V3ProxyCountryCode",
    "V3ThinkingLevel",
    "V4ProxyCountryCode",
    "V4RunCreateRequest.properties.model",
  ]);
});

test("the size of a workspace is told in bytes", () => {
  expect(schemas.V3WorkspaceSizeResponse.required).toEqual(["maxBytes", "usedBytes"]);
  expect(schemas.V3WorkspaceSizeResponse.properties.usedBytes.type).toBe("integer");
});

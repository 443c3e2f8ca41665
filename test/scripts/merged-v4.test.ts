import { beforeAll, expect, test } from "vitest";
import { mergedDocument } from "../../scripts/spec/pipeline.ts";
import type { Loose } from "./fixture.ts";

/** What differs between versions by intent. */
const VERSIONED = new Set(["operationId", "tags", "x-facade"]);

let paths: Loose;
let schemas: Loose;

beforeAll(async () => {
  const merged: Loose = await mergedDocument();
  paths = merged.paths;
  schemas = merged.components.schemas;
});

test("a v4 run may be refused for its values, credit, project, an unknown id, a busy session and too many sessions", () => {
  expect(Object.keys(paths["/v4/runs"].post.responses)).toEqual([
    "200",
    "400",
    "401",
    "402",
    "403",
    "404",
    "409",
    "422",
    "429",
  ]);
});

test("v4 says how a full queue, a message that has gone and a cancellation that did not arrive are answered", () => {
  expect(paths["/v4/sessions/{session_id}/queue"].post.responses).toHaveProperty("429");
  expect(paths["/v4/sessions/{session_id}/queue/{message_id}"].delete.responses).toHaveProperty("409");
  expect(paths["/v4/runs/{run_id}/cancel"].post.responses).toHaveProperty("502");
});

test("profiles and browsers are the same in v3 and v4, except for the countries", () => {
  const [three, four] = [profilesAndBrowsers("v3"), profilesAndBrowsers("v4")];

  expect(Object.keys(three)).toHaveLength(5);
  expect(four).toEqual(three);
});

test("a v4 run has the same statuses wherever it is seen", () => {
  const statuses = ["queued", "dispatching", "running", "completed", "failed", "cancelled"];

  for (const name of ["RunCreateResponse", "RunStatusResponse", "RunSummary", "SessionInfo"]) {
    expect(schemas[`V4${name}`].properties.status.enum, name).toEqual(statuses);
  }
});

test("v4 takes ten files at once, each of 1 byte to 50 MiB, and attaches twenty", () => {
  expect(schemas.V4WorkspaceFileUploadItem.properties.size).toMatchObject({ minimum: 1, maximum: 50 * 1024 * 1024 });
  expect(schemas.V4WorkspaceFileUploadItem.required).toEqual(["name", "size"]);
  expect(schemas.V4WorkspaceFileUploadRequest.properties.files).toMatchObject({ minItems: 1, maxItems: 10 });
  for (const name of ["RunCreateRequest", "QueueMessageRequest"]) {
    const [attached] = schemas[`V4${name}`].properties.attachedFileIds.anyOf;
    expect(attached, name).toMatchObject({ maxItems: 20, items: { format: "uuid" } });
  }
});

/** The operations of a version on profiles and browsers, all they refer to in place, without what names the version. */
function profilesAndBrowsers(version: string): Loose {
  const own = Object.entries(paths).filter(([path]) => path.match(`^/${version}/(profiles|browsers)`));
  return Object.fromEntries(own.map(([path, item]) => [path.slice(3), complete(item)]));
}

function complete(value: Loose): Loose {
  if (Array.isArray(value)) return value.map(complete);
  if (typeof value !== "object" || value === null) return value;
  const { $ref, ...rest } = value;
  const name: string = String($ref ?? "").replace("#/components/schemas/", "");
  if (name.endsWith("ProxyCountryCode")) return { country: true };
  const entries = Object.entries({ ...(name && schemas[name]), ...rest }).filter(([key]) => !VERSIONED.has(key));
  return Object.fromEntries(entries.map(([key, child]) => [key, complete(child)]));
}

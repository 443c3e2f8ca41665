import { beforeAll, expect, test } from "vitest";
import { operationsOf } from "../../scripts/spec/document.ts";
import { mergedDocument } from "../../scripts/spec/pipeline.ts";
import { allSchemas } from "../../scripts/spec/schemas.ts";
import { skyvern } from "../../scripts/versions.ts";
import { type Operation, operations } from "../../src/generated/skyvern/validators.js";
import type { Loose } from "./fixture.ts";

let merged: Loose;
let schemas: Loose;

beforeAll(async () => {
  merged = await mergedDocument({ service: skyvern });
  schemas = merged.components.schemas;
});

const UTC = "2026-02-12T01:09:18.048208";

function operation(method: string, path: string): Operation {
  const found = operations.find((each) => each.method === method && each.path === path);
  if (!found) throw new Error(`no ${method} ${path}`);
  return found;
}

const answers = (method: string, path: string, status: string, body: unknown): boolean | undefined =>
  operation(method, path).responses[status]?.(body);

/** Where a body is refused, and why; empty when it is valid. */
function issues({ body }: Operation, value: unknown): string[] {
  if (body?.validate(value)) return [];
  return (body?.validate.errors ?? []).map(({ instancePath, keyword }) => `${instancePath} ${keyword}`);
}

test("the document has the operations that the client needs, below a server of its own, and no others", () => {
  expect(operationsOf(merged).map(({ key }) => key)).toEqual([
    "DELETE /v1/browser_profiles/{profile_id}",
    "DELETE /v1/files/{file_id}",
    "GET /v1/artifacts/{artifact_id}/content",
    "GET /v1/browser_profiles",
    "GET /v1/browser_profiles/{profile_id}",
    "GET /v1/browser_profiles/{profile_id}/usage",
    "GET /v1/browser_sessions",
    "GET /v1/browser_sessions/history",
    "GET /v1/browser_sessions/{browser_session_id}",
    "GET /v1/runs",
    "GET /v1/runs/{run_id}",
    "GET /v1/runs/{run_id}/artifacts",
    "GET /v1/runs/{run_id}/timeline",
    "PATCH /v1/browser_profiles/{profile_id}",
    "PATCH /v1/browser_sessions/{browser_session_id}",
    "POST /v1/browser_profiles",
    "POST /v1/browser_sessions",
    "POST /v1/browser_sessions/{browser_session_id}/close",
    "POST /v1/run/tasks",
    "POST /v1/runs/cancel",
    "POST /v1/runs/{run_id}/cancel",
    "POST /v1/runs/{run_id}/retry_webhook",
    "POST /v1/upload_file",
  ]);
  expect(merged.servers).toEqual([{ url: "https://api.skyvern.com" }]);
  expect(merged.paths["/v1/browser_sessions"].post.operationId).toBe("v1_create_browser_session");
  expect(schemas).toHaveProperty("V1BrowserSession");
});

test("the key is the header x-api-key everywhere, but for the bytes of an artifact, whose link is the permission", () => {
  const [[name, scheme] = []] = Object.entries<Loose>(merged.components.securitySchemes);
  const open = operationsOf(merged).filter(({ operation: { security } }) => (security as Loose).length === 0);

  expect(scheme).toEqual({ type: "apiKey", in: "header", name: "x-api-key" });
  expect(open.map(({ key }) => key)).toEqual(["GET /v1/artifacts/{artifact_id}/content"]);
  for (const {
    key,
    operation: { security },
  } of operationsOf(merged)) {
    if (!key.endsWith("/content")) expect(security, key).toEqual([{ [name ?? ""]: [] }]);
  }
});

test("every operation says how a wrong key and a failure are answered: 403 with a detail, 500 with an error", () => {
  for (const {
    key,
    operation: { responses },
  } of operationsOf(merged)) {
    const schemaOf = (status: string) => responses?.[status]?.content?.["application/json"]?.schema?.$ref;
    expect(schemaOf("403"), key).toBe("#/components/schemas/V1ErrorDetail");
    expect(schemaOf("500"), key).toBe("#/components/schemas/V1ServerError");
    expect(responses, key).not.toHaveProperty("401");
  }
});

test("a refusal has one of four forms, or no body at all where that is said", () => {
  const list = {
    detail: [{ loc: ["body", "timeout"], msg: "no", type: "greater_than_equal", input: 1, ctx: { ge: 5 } }],
  };
  const create = ["POST", "/v1/browser_sessions"] as const;

  expect(answers(...create, "422", list)).toBe(true);
  expect(answers(...create, "422", { detail: "no" })).toBe(true);
  expect(answers(...create, "404", { detail: "no" })).toBe(true);
  expect(answers(...create, "404", list)).toBe(false);
  expect(answers(...create, "500", { error: "no" })).toBe(true);
  expect(answers(...create, "500", { detail: "no" })).toBe(false);
  const unavailable = { detail: { code: "downloaded_files_unavailable", retryable: true } };
  expect(answers("GET", "/v1/browser_sessions/{browser_session_id}", "503", unavailable)).toBe(true);
  const missing = operationsOf(merged).flatMap<Loose>(({ operation: { responses } }) => responses?.["404"] ?? []);
  expect(missing.filter(({ description }) => !/empty/.test(String(description)))).toEqual([]);
});

test("a session may be opened without a body, and its minutes are 5 to 1440", () => {
  const create = operation("POST", "/v1/browser_sessions");

  expect(create.body).toMatchObject({ required: false, defaults: { timeout: 60, generate_browser_profile: false } });
  expect(issues(create, {})).toEqual([]);
  expect([5, 1440].flatMap((timeout) => issues(create, { timeout }))).toEqual([]);
  expect(issues(create, { timeout: 4 })).toEqual(["/timeout minimum"]);
  expect(issues(create, { timeout: 1441 })).toEqual(["/timeout maximum"]);
  expect(issues(create, { timeout: null, browser_profile_id: "bp_1" })).toEqual([]);
  expect(issues(create, { browser_profile_id: "1" })).toEqual(["/browser_profile_id pattern"]);
});

test("a proxy is a place of the list, a place by its country, an address, or null", () => {
  const create = operation("POST", "/v1/browser_sessions");
  const places = ["RESIDENTIAL", "RESIDENTIAL_XX", { country: "US", city: "Austin" }, { url: "http://p.test" }, null];

  expect(places.map((proxy_location) => issues(create, { proxy_location }))).toEqual([[], [], [], [], []]);
  expect(issues(create, { proxy_location: { country: "USA" } })).toContain("/proxy_location/country maxLength");
  expect(issues(create, { proxy_location: 1 })).not.toEqual([]);
});

test("a session is as the service shows it: times without offset, an unknown status, much that may be null", () => {
  const session = { browser_session_id: "pbs_1", organization_id: "o_1", created_at: UTC, modified_at: UTC };
  const filled = { generate_browser_profile: false, vnc_streaming_supported: false };
  const full = { ...session, ...filled, status: "thinking", started_at: null, completed_at: UTC, warning: null };

  expect(answers("GET", "/v1/browser_sessions", "200", [full])).toBe(true);
  expect(answers("GET", "/v1/browser_sessions", "200", [{ ...full, created_at: "yesterday" }])).toBe(false);
  expect(answers("GET", "/v1/browser_sessions", "200", [filled])).toBe(false);
  expect(schemas.V1BrowserSession.required).toEqual([...Object.keys({ ...session, ...filled })].sort());
});

test("every time is marked as naive", () => {
  const times = [...allSchemas(merged)].filter(({ schema }) => schema["format"] === "date-time");

  expect(times.length).toBeGreaterThan(15);
  expect(times.filter(({ schema }) => schema["x-naive-utc"] !== true)).toEqual([]);
});

test("a task needs a prompt alone, and takes neither what only a client waits with nor an unknown field", () => {
  const run = operation("POST", "/v1/run/tasks");

  expect(issues(run, { prompt: "p", engine: "skyvern-9.0", data_extraction_schema: { type: "object" } })).toEqual([]);
  expect(issues(run, {})).toEqual([" required"]);
  expect(issues(run, { prompt: "p", wait_for_completion: true })).toEqual([" additionalProperties"]);
  expect(issues(run, { prompt: "p", timeout: 1 })).toEqual([" additionalProperties"]);
  expect(run.body?.defaults).toMatchObject({ engine: "skyvern-1.0", proxy_location: "RESIDENTIAL" });
});

test("a run is a task's or a workflow's, told apart by its type, and its statuses are a closed list", () => {
  const run = { run_id: "tsk_1", status: "running", created_at: UTC, modified_at: UTC };
  const task = { ...run, run_type: "task_v1", recording_archived: false, output: { a: [1] } };

  expect(answers("GET", "/v1/runs/{run_id}", "200", task)).toBe(true);
  expect(answers("GET", "/v1/runs/{run_id}", "200", { ...run, run_type: "workflow_run", more: 1 })).toBe(true);
  expect(answers("POST", "/v1/run/tasks", "200", { ...task, status: "idle" })).toBe(false);
  expect(answers("POST", "/v1/run/tasks", "200", { ...task, output: "text" })).toBe(true);
  expect(schemas.V1RunStatus.enum).toHaveLength(9);
});

test("lists that grow are open, and statuses are not", () => {
  const open = Object.keys(schemas).filter((name) => schemas[name]["x-open-enum"]);

  expect(open).toEqual([
    "V1Extensions",
    "V1PersistentBrowserType",
    "V1ProxyLocation",
    "V1RunEngine",
    "V1RunType",
    "V1StreamTransport",
    "V1TaskRunType",
  ]);
  expect(schemas.V1ProxyLocation.enum).toHaveLength(28);
  expect(schemas.V1RunType.enum).toEqual([...schemas.V1TaskRunType.enum, "workflow_run"]);
});

test("what opens, dispatches, uploads, tells or rotates is not repeatable; what closes, cancels or sets values is", () => {
  const writes = operationsOf(merged).filter(({ method }) => !["get", "delete"].includes(method));
  const marked = (mark: boolean) =>
    writes.filter(({ operation: one }) => one["x-repeatable"] === mark).map(({ operation: one }) => one.operationId);

  expect(marked(true)).toEqual([
    "v1_update_browser_session",
    "v1_close_browser_session",
    "v1_cancel_runs",
    "v1_cancel_run",
  ]);
  expect(marked(false)).toEqual([
    "v1_update_browser_profile",
    "v1_create_browser_profile",
    "v1_create_browser_session",
    "v1_run_task",
    "v1_retry_run_webhook",
    "v1_upload_file",
  ]);
});

test("a file is uploaded as bytes in a form, and an artifact is read as bytes", () => {
  const { content } = merged.paths["/v1/upload_file"].post.requestBody;
  const { properties, required } = schemas.V1UploadFileRequest;
  const bytes = merged.paths["/v1/artifacts/{artifact_id}/content"].get.responses;

  expect(content).toEqual({ "multipart/form-data": { schema: { $ref: "#/components/schemas/V1UploadFileRequest" } } });
  expect(properties.file).toMatchObject({ type: "string", format: "binary" });
  expect(required).toEqual(["file"]);
  for (const status of ["200", "206"])
    expect(Object.keys(bytes[status].content), status).toEqual(["application/octet-stream"]);
});

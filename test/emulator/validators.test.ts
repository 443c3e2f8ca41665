import { execFileSync } from "node:child_process";
import { cp, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { emitValidators } from "../../scripts/emit-validators.ts";
import { mergedDocument } from "../../scripts/spec/pipeline.ts";
import { type Operation, operations } from "../../src/generated/validators.js";

const FILE = "src/generated/validators.js";

function operation(method: string, path: string): Operation {
  const found = operations.find((each) => each.method === method && each.path === path);
  if (!found) throw new Error(`no ${method} ${path}`);
  return found;
}

/** Where a body is refused, and why; empty when it is valid. */
function issues({ body }: Operation, value: unknown): string[] {
  if (body?.validate(value)) return [];
  return (body?.validate.errors ?? []).map(({ instancePath, keyword }) => `${instancePath} ${keyword}`);
}

test("the table has every operation of the merged spec", async () => {
  const spec = parse(await readFile("src/generated/openapi.yaml", "utf8")) as { paths: Record<string, object> };
  const expected = Object.entries(spec.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );

  expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(expected.sort());
});

test("the same document gives the same bytes", async () => {
  const [one, two] = [await emitValidators(await mergedDocument()), await emitValidators(await mergedDocument())];

  expect(two).toEqual(one);
});

test("it is small, and loads in plain Node with nothing installed beside it", async () => {
  expect((await stat(FILE)).size).toBeLessThan(300_000);
  const folder = await mkdtemp(join(tmpdir(), "validators-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await cp(FILE, join(folder, "validators.mjs"));
  const script = `import("./validators.mjs").then(({ operations }) => console.log(operations.length))`;

  expect(Number(execFileSync(process.execPath, ["-e", script], { cwd: folder }).toString())).toBe(operations.length);
});

test("bodies are closed, at every depth", () => {
  const create = operation("POST", "/v2/tasks");

  expect(issues(create, { task: "t", sessionSettings: {} })).toEqual([]);
  expect(issues(create, { task: "t", extra: 1 })).toEqual([" additionalProperties"]);
  expect(issues(create, { task: "t", sessionSettings: { extra: 1 } })).toContain(
    "/sessionSettings additionalProperties",
  );
  expect(issues(operation("POST", "/v2/browsers"), { customProxy: { host: "h", port: 1, extra: 1 } })).toContain(
    "/customProxy additionalProperties",
  );
  expect(
    issues(operation("POST", "/v3/workspaces/{workspace_id}/files/upload"), { files: [{ name: "a", extra: 1 }] }),
  ).toContain("/files/0 additionalProperties");
});

test("maps take any key, and what stands for any JSON takes any JSON", () => {
  expect(issues(operation("POST", "/v2/tasks"), { task: "t", secrets: { "a.test": "b" } })).toEqual([]);
  expect(
    issues(operation("POST", "/v3/sessions"), { outputSchema: { type: "object", nested: { deep: [1] } } }),
  ).toEqual([]);
});

test("the body of every operation is closed", () => {
  const open = operations.filter(
    (each) => each.body && !issues(each, { "no-such-field": 1 }).includes(" additionalProperties"),
  );

  expect(open.map(({ id }) => id)).toEqual([]);
});

test("null is told apart from left out", () => {
  const create = operation("POST", "/v3/sessions");

  expect(issues(create, { proxyCountryCode: null, maxCostUsd: null, task: null })).toEqual([]);
  expect(issues(create, { keepAlive: null })).toEqual(["/keepAlive type"]);
});

test.each([
  ["2026-01-01T00:00:00Z", true, true],
  ["2026-01-01T00:00:00.123456+02:00", true, true],
  ["2026-01-01T00:00:00.123456", true, false],
  ["2026-13-01T00:00:00Z", false, false],
  ["2026-01-01", false, false],
  ["2026-01-01T00:00:00Zjunk", false, false],
])("the time %j is valid in v2: %s, in v3: %s", (createdAt, v2, v3) => {
  const profile = { id: "00000000-0000-4000-8000-000000000000", createdAt, updatedAt: "2026-01-01T00:00:00Z" };
  const answer = (path: string) => operation("GET", path).responses["200"]?.(profile);

  expect([answer("/v2/profiles/{profile_id}"), answer("/v3/profiles/{profile_id}")]).toEqual([v2, v3]);
});

test("the answers of success are closed, those of refusals are not", () => {
  const { responses } = operation("GET", "/v2/profiles/{profile_id}");
  const refusal = { detail: [{ loc: ["path", "profile_id"], msg: "no", type: "t", input: "x" }] };

  expect(responses["404"]?.({ detail: "Profile not found", more: 1 })).toBe(true);
  expect(responses["422"]?.(refusal)).toBe(true);
  expect(responses["422"]?.({ detail: "text" })).toBe(false);
  const profile = {
    id: "00000000-0000-4000-8000-000000000000",
    createdAt: "2026-01-01T00:00:00",
    updatedAt: "2026-01-01T00:00:00",
  };
  expect(responses["200"]?.(profile)).toBe(true);
  expect(responses["200"]?.({ ...profile, more: 1 })).toBe(false);
});

test("a refusal that is written in place stays open, too", async () => {
  const detail = { type: "object", properties: { detail: { type: "string" } }, required: ["detail"] };
  const answer = { content: { "application/json": { schema: detail } } };
  const responses = { 200: answer, 404: answer };
  const document = { paths: { "/v2/a": { get: { operationId: "a", responses } } }, components: { schemas: {} } };
  const code = (await emitValidators(document))[0]?.content ?? "";
  const emitted = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as { operations: Operation[] };
  const validators = emitted.operations[0]?.responses;

  expect(validators?.["404"]?.({ detail: "no", more: 1 })).toBe(true);
  expect(validators?.["200"]?.({ detail: "no", more: 1 })).toBe(false);
});

test("lengths count characters, not code units", () => {
  const create = operation("POST", "/v2/profiles");

  expect(issues(create, { name: "😀".repeat(100) })).toEqual([]);
  expect(issues(create, { name: "😀".repeat(101) })).toEqual(["/name maxLength"]);
});

import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { browserUse } from "../../../src/emulator/browser-use.ts";
import { Clock } from "../../../src/emulator/clock.ts";
import { Cloud } from "../../../src/emulator/cloud.ts";
import { settingsOf } from "../../../src/emulator/options.ts";
import { Bucket } from "../../../src/emulator/s3/bucket.ts";
import { S3Front } from "../../../src/emulator/s3/s3.ts";
import { Server } from "../../../src/emulator/server/server.ts";
import { operations } from "../../../src/generated/validators.js";
import { emulated, type Invalid, MISSING, type Refusal } from "../support.ts";

test("a request without the key, or with another, is refused with 401", async () => {
  const { emulator } = await emulated({ apiKey: "bu_right" });
  const status = async (headers: Record<string, string>) =>
    (await fetch(`${emulator.url}/v2/profiles`, { headers })).status;

  expect(await status({})).toBe(401);
  expect(await status({ "X-Browser-Use-API-Key": "bu_wrong" })).toBe(401);
  expect(await status({ Authorization: "Bearer bu_right" })).toBe(401);
  expect(await status({ "X-Browser-Use-API-Key": "bu_right" })).toBe(200);
});

test("the key is asked for before a request is looked at, on every operation", async () => {
  const { emulator } = await emulated();
  for (const { method, path } of operations) {
    const response = await fetch(emulator.url + path.replace(/\{\w+\}/g, "no-id"), { method });
    expect([method, path, response.status]).toEqual([method, path, 401]);
  }
});

test("no operation of the spec makes the emulator fail, whatever it is asked for", async () => {
  const api = await emulated();
  for (const { method, path, body } of operations) {
    for (const payload of body ? [{}, { nonsense: 1 }, null, [], "text"] : [undefined]) {
      const answer = await api.call<Refusal>(method, path.replace(/\{\w+\}/g, MISSING), payload);
      expect.soft(answer.status, `${method} ${path} ${JSON.stringify(answer.body)}`).not.toBe(500);
    }
  }
});

test("skills and the marketplace answer 501 and say that they are not served", async () => {
  const api = await emulated();
  for (const path of ["/v2/skills", "/v2/marketplace/skills"]) {
    const { status, body } = await api.get<Refusal>(path);
    expect(status).toBe(501);
    expect(body.detail).toContain(`The emulator does not serve GET ${path}`);
  }
});

test("an unknown path is 404 and a method it does not take is 405 with the ones it takes", async () => {
  const api = await emulated();

  expect(await api.get("/v2/nothing")).toMatchObject({ status: 404, body: { detail: "Not Found" } });
  expect((await api.get("/v2/tasks/a/b/c")).status).toBe(404);
  expect((await fetch(api.emulator.url.replace("/api", "/v2/tasks"))).status).toBe(404);
  const wrong = await api.call("PUT", "/v2/tasks", {});
  expect(wrong.status).toBe(405);
  expect(wrong.headers.get("allow")).toBe("GET, POST");
});

test("HEAD answers without a body and leaves the connection usable", async () => {
  const api = await emulated();
  const response = await fetch(`${api.emulator.url}/v2/tasks`, { method: "HEAD" });

  expect([response.status, await response.text()]).toEqual([405, ""]);
  expect((await api.get("/v2/tasks")).status).toBe(200);
});

test("a body that is not valid is 422, and every complaint names its place and echoes the input", async () => {
  const api = await emulated();
  const { status, body } = await api.post<Invalid>("/v2/tasks", { task: "", maxSteps: "5", secrets: { a: 1 } });

  expect(status).toBe(422);
  const complaints = body.detail.map(({ loc, type, input }) => ({ loc, type, input }));
  expect(complaints).toHaveLength(3);
  expect(complaints).toContainEqual({ loc: ["body", "task"], type: "string_too_short", input: "" });
  expect(complaints).toContainEqual({ loc: ["body", "maxSteps"], type: "type_error", input: "5" });
  expect(complaints).toContainEqual({ loc: ["body", "secrets", "a"], type: "type_error", input: 1 });
});

test.each([
  ["a field", { task: "t", tsak: "t" }, ["body", "tsak"]],
  [
    "a nested field",
    { task: "t", sessionSettings: { startUrl: "https://a.test" } },
    ["body", "sessionSettings", "startUrl"],
  ],
])("%s the spec does not name is refused", async (_, payload, loc) => {
  const api = await emulated();
  const { status, body } = await api.post<Invalid>("/v2/tasks", payload);

  expect(status).toBe(422);
  expect(body.detail[0]).toMatchObject({ loc, type: "extra_forbidden" });
});

test("a missing body, broken JSON and another content type are 422", async () => {
  const api = await emulated();
  const send = async (body: string | null, type: string) => {
    const headers = { "X-Browser-Use-API-Key": api.emulator.apiKey, "Content-Type": type };
    return fetch(`${api.emulator.url}/v2/tasks`, { method: "POST", headers, body });
  };

  expect(await (await send(null, "application/json")).json()).toMatchObject({
    detail: [{ loc: ["body"], type: "missing" }],
  });
  expect(await (await send("{", "application/json")).json()).toMatchObject({ detail: [{ type: "json_invalid" }] });
  expect((await send('{"task":"t"}', "text/plain")).status).toBe(422);
  expect((await send('{"task":"t"}', "application/json; charset=utf-8")).status).toBe(202);
});

test("a body beyond two mebibytes is 413", async () => {
  const api = await emulated();
  expect((await api.post("/v2/tasks", { task: "x".repeat(3 * 1024 * 1024) })).status).toBe(413);
  expect((await api.get("/v2/tasks")).status).toBe(200);
});

test("query parameters are read as their type, and unknown ones are refused", async () => {
  const api = await emulated();

  expect((await api.get("/v2/tasks?pageSize=5&pageNumber=2")).body).toMatchObject({ pageSize: 5, pageNumber: 2 });
  expect((await api.get("/v2/tasks")).body).toMatchObject({ pageSize: 10, pageNumber: 1 });
  for (const [query, name] of [
    ["pageSize=0", "pageSize"],
    ["pageSize=101", "pageSize"],
    ["pageSize=1.5", "pageSize"],
    ["pageSize=", "pageSize"],
    ["sessionId=1", "sessionId"],
    ["filterBy=done", "filterBy"],
    ["after=yesterday", "after"],
    ["page_size=5", "page_size"],
  ]) {
    const { status, body } = await api.get<Invalid>(`/v2/tasks?${query}`);
    expect([query, status, body.detail.map(({ loc }) => loc)]).toEqual([query, 422, [["query", name]]]);
  }
});

test("an id that is no uuid is 422", async () => {
  const api = await emulated();
  const { status, body } = await api.get<Invalid>("/v2/tasks/1");

  expect(status).toBe(422);
  expect(body.detail).toMatchObject([{ loc: ["path", "task_id"], type: "uuid_parsing", input: "1" }]);
});

test("lists that grow at the vendor take any text, closed lists do not", async () => {
  const api = await emulated();

  expect((await api.post("/v2/tasks", { task: "t", llm: "made-up-next-year" })).status).toBe(202);
  expect((await api.post("/v3/sessions", { model: "made-up-next-year", proxyCountryCode: "xx" })).status).toBe(200);
  const id = await api.sessionV2();
  expect((await api.patch(`/v2/sessions/${id}`, { action: "pause" })).status).toBe(422);
});

test("the log names every request and its operation, and holds no body and no key", async () => {
  const api = await emulated({ apiKey: "bu_secret_key" });
  await api.post("/v2/profiles", { name: "hidden" });
  await api.get("/v2/nothing?token=hidden");

  expect(api.emulator.requests).toEqual([
    { method: "POST", path: "/v2/profiles", operation: "v2_create_profile_profiles_post", status: 201 },
    { method: "GET", path: "/v2/nothing", operation: undefined, status: 404 },
  ]);
});

test("an answer of the emulator's own that does not fit the spec becomes a 500 that says so", async () => {
  const settings = settingsOf({});
  const clock = new Clock(settings.now);
  const bucket = new Bucket(clock);
  const account = { name: "drifted" } as never;
  const server = new Server(
    browserUse(
      new Cloud(settings, clock, bucket),
      { v2_get_account_billing_billing_account_get: () => account },
      new S3Front(bucket, clock),
    ),
  );

  const response = await server.answer(
    new Request("http://localhost/api/v2/billing/account", { headers: { "X-Browser-Use-API-Key": settings.apiKey } }),
    false,
  );

  expect(response.status).toBe(500);
  expect(await response.text()).toContain(
    "the answer of v2_get_account_billing_billing_account_get does not fit the spec",
  );
});

test("every answer is held back for the latency that was asked for", async () => {
  const api = await emulated({ latencyMs: 60 });
  const startedAt = performance.now();
  await api.get("/v2/profiles");

  expect(performance.now() - startedAt).toBeGreaterThan(55);
});

test("closing twice is closing once, and nobody listens after it", async () => {
  const api = await emulated();
  await Promise.all([api.emulator.close(), api.emulator.close()]);

  await expect(fetch(api.emulator.url)).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
});

test("closing does not wait for requests that are still being answered", async () => {
  const api = await emulated({ latencyMs: 15_000 });
  const hanging = expect(api.get("/v2/tasks")).rejects.toThrow("fetch failed");
  await expect.poll(() => api.emulator.requests.length).toBe(1);
  await api.emulator.close();

  await hanging;
});

test("it listens on the loopback address only", async () => {
  const api = await emulated();
  expect(new URL(api.emulator.url).hostname).toBe("127.0.0.1");
});

test.each(["GET //evil.test/api/v2/tasks HTTP/1.1", "OPTIONS * HTTP/1.1", "GET http://evil.test/ HTTP/1.1"])(
  "the odd request line %j does not bring it down",
  async (line) => {
    const api = await emulated();
    const socket = connect(Number(new URL(api.emulator.url).port), "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    socket.write(`${line}\r\nHost: x\r\nConnection: close\r\n\r\n`);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);

    expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 40[45] /);
    expect((await api.get("/v2/tasks")).status).toBe(200);
  },
);

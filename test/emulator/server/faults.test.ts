import { expect, test } from "vitest";
import { emulated } from "../support.ts";

test("a fault hits once, then the emulator is itself again", async () => {
  const api = await emulated();
  const fault = api.emulator.fail({ path: "/v2/profiles", status: 503, headers: { "Retry-After": "1" } });
  const hit = await api.post("/v2/profiles", {});

  expect([hit.status, hit.headers.get("retry-after")]).toEqual([503, "1"]);
  expect((await api.get<{ totalItems: number }>("/v2/profiles")).body.totalItems).toBe(0);
  expect(fault.hits).toBe(1);
});

test("it hits as often as was asked for, in the order of the rules, and can be taken out", async () => {
  const api = await emulated();
  api.emulator.fail({ status: 500, times: 2 });
  const rest = api.emulator.fail({ status: 502, times: Number.POSITIVE_INFINITY });
  const statuses = [];
  for (let i = 0; i < 4; i++) statuses.push((await api.get("/v2/profiles")).status);
  rest.remove();
  rest.remove();

  expect(statuses).toEqual([500, 500, 502, 502]);
  expect((await api.get("/v2/profiles")).status).toBe(200);
});

test.each([
  ["a path", (id: string) => ({ path: `/v2/profiles/${id}` })],
  ["a template", () => ({ path: "/v2/profiles/{profile_id}" })],
  ["a pattern", () => ({ path: /^\/v2\/profiles\/[0-9a-f-]+$/g })],
])("it is chosen by method and by %s", async (_, rule) => {
  const api = await emulated();
  const id = await api.profile();
  const fault = api.emulator.fail({ ...rule(id), method: "get", status: 500, times: 2 });

  expect((await api.patch(`/v2/profiles/${id}`, {})).status).toBe(200);
  expect((await api.get("/v2/profiles")).status).toBe(200);
  expect((await api.get(`/v3/profiles/${id}`)).status).toBe(200);
  expect(fault.hits).toBe(0);
  expect((await api.get(`/v2/profiles/${id}`)).status).toBe(500);
  expect((await api.get(`/v2/profiles/${id}`)).status).toBe(500);
});

test("a body that is text is sent as it is, whatever it is", async () => {
  const api = await emulated();
  api.emulator.fail({ body: "<html>busy</html>", headers: { "Content-Type": "text/html" } });
  const response = await fetch(`${api.emulator.url}/v2/profiles`);

  expect([response.status, response.headers.get("content-type"), await response.text()]).toEqual([
    200,
    "text/html",
    "<html>busy</html>",
  ]);
});

test("carriedOut answers with the fault after the request was carried out", async () => {
  const api = await emulated();
  api.emulator.fail({ status: 502, carriedOut: true });

  expect((await api.post("/v2/profiles", {})).status).toBe(502);
  expect((await api.get<{ totalItems: number }>("/v2/profiles")).body.totalItems).toBe(1);
});

test("headers alone are added to the real answer", async () => {
  const api = await emulated();
  api.emulator.fail({ headers: { "X-Extra": "1" } });
  const answer = await api.post("/v2/profiles", {});

  expect([answer.status, answer.headers.get("x-extra")]).toEqual([201, "1"]);
});

test.each([
  ["before", 0],
  ["after", 1],
] as const)(
  "a connection dropped %s the request was carried out leaves %i profiles, and the client gets a reset",
  async (drop, left) => {
    const api = await emulated();
    api.emulator.fail({ method: "POST", drop });

    await expect(api.post("/v2/profiles", {})).rejects.toMatchObject({
      name: "TypeError",
      cause: { code: "ECONNRESET" },
    });
    expect((await api.get<{ totalItems: number }>("/v2/profiles")).body.totalItems).toBe(left);
    expect(api.emulator.requests[0]).toMatchObject({ method: "POST", status: undefined });
  },
);

test.each([
  ["the first byte", 1],
  ["the middle", 300_000],
  ["the last byte", 399_999],
])("a connection that breaks at %s of a body leaves the client with so many bytes and an error", async (_, bytes) => {
  const api = await emulated();
  const id = await api.workspace();
  const text = "0123".repeat(100_000);
  await api.uploadV3(id, "a", text);
  const [file] = (await api.filesV3(id, { includeUrls: "true" })).files;
  api.emulator.fail({ path: /^\/s3\//, dropAfterBytes: bytes });
  const response = await fetch(file?.url ?? "");
  let received = "";
  const read = async () => {
    for await (const chunk of response.body ?? []) received += Buffer.from(chunk).toString();
  };

  expect(response.headers.get("content-length")).toBe("400000");
  await expect(read()).rejects.toThrow();
  expect(received === text.slice(0, bytes)).toBe(true);
  expect(await (await fetch(file?.url ?? "")).text()).toBe(text);
});

test("a body that is not longer than where it would break is sent as it is, also without a socket", async () => {
  const api = await emulated();
  const ask = () => api.emulator.fetch(`${api.emulator.url}/v2/profiles`).then((response) => response.text());
  api.emulator.fail({ body: "0123", dropAfterBytes: 4 });
  api.emulator.fail({ body: "0123", dropAfterBytes: 3 });

  expect(await ask()).toEqual("0123");
  await expect(ask()).rejects.toThrow(new TypeError("terminated"));
  api.emulator.fail({ status: 204, dropAfterBytes: 0 });
  expect((await api.emulator.fetch(`${api.emulator.url}/v2/profiles`)).status).toBe(204);
});

test("a delay holds a request back and then lets it through", async () => {
  const api = await emulated();
  api.emulator.fail({ delayMs: 60 });
  const startedAt = performance.now();

  expect((await api.get("/v2/profiles")).status).toBe(200);
  expect(performance.now() - startedAt).toBeGreaterThan(55);
});

test("the storage service can be faulted, too", async () => {
  const api = await emulated();
  api.emulator.fail({ path: /^\/s3\//, status: 503 });

  expect((await fetch(`${new URL(api.emulator.url).origin}/s3/emulator-files`, { method: "POST" })).status).toBe(503);
});

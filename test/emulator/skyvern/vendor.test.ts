import { expect, test } from "vitest";
import { createSkyvernEmulator, skyvernFaults } from "../../../src/emulator/index.ts";
import { Server } from "../../../src/emulator/server/server.ts";
import type { SkyvernCloud } from "../../../src/emulator/skyvern/cloud.ts";
import { settingsOf } from "../../../src/emulator/skyvern/options.ts";
import { skyvern } from "../../../src/emulator/skyvern/vendor.ts";
import { type Operation, operations } from "../../../src/generated/skyvern/validators.js";
import { emulated } from "./support.ts";

const NO_ID = "no-such-id";

test("the key is taken from its header or as a bearer, and without the right one all is 403", async () => {
  const { emulator } = await emulated({ apiKey: "right" });
  const ask = (headers: Record<string, string>) => fetch(`${emulator.url}/v1/browser_sessions`, { headers });

  expect((await ask({ "x-api-key": "right" })).status).toBe(200);
  expect((await ask({ Authorization: "Bearer right" })).status).toBe(200);
  for (const headers of [
    {},
    { "x-api-key": "wrong" },
    { Authorization: "Bearer wrong" },
    { Authorization: "Basic right" },
    { Authorization: "right" },
  ]) {
    const response = await ask(headers as Record<string, string>);
    expect([response.status, await response.json()]).toEqual([403, { detail: "Invalid credentials" }]);
  }
});

test("the key is asked for before a request is looked at, on every operation but the signed link", async () => {
  const { emulator } = await emulated();
  for (const { method, path } of operations) {
    const response = await fetch(emulator.url + path.replace(/\{\w+\}/g, NO_ID), { method });
    expect([method, path, response.status]).toEqual([method, path, 403]);
  }
});

test("no operation of the spec makes the emulator fail, whatever it is asked for", async () => {
  const api = await emulated();
  for (const { method, path, body } of operations) {
    for (const payload of body ? [{}, { nonsense: 1 }, null, [], "text"] : [undefined]) {
      const { status, body: answer } = await api.call(method, path.replace(/\{\w+\}/g, NO_ID), payload);
      expect.soft(status, `${method} ${path} ${JSON.stringify(answer)}`).toBeLessThan(500);
    }
  }
});

/** The fields that a closed schema names. */
function only(fields: object, { validate }: NonNullable<Operation["body"]>): object {
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => {
      validate({ [name]: value });
      return !validate.errors?.some(({ keyword }) => keyword === "additionalProperties");
    }),
  );
}

test("every operation of the spec is served", async () => {
  const api = await emulated();
  for (const { method, path, body } of operations) {
    const valid = body && { name: "n", prompt: "p", run_ids: [], generate_browser_profile: true };
    const { status } = await api.call(method, path.replace(/\{\w+\}/g, NO_ID), valid && only(valid, body));
    expect([path, status]).not.toEqual([path, 501]);
  }
});

test("a path with a slash at its end is the same path", async () => {
  const api = await emulated();
  const created = await api.post<{ browser_session_id: string }>("/v1/browser_sessions/", {});

  expect(created.status).toBe(200);
  expect((await api.get(`/v1/browser_sessions/${created.body.browser_session_id}/`)).status).toBe(200);
  expect((await api.get("/")).status).toBe(404);
});

test("an unknown path is 404, and a method that is not taken 405 with those that are", async () => {
  const api = await emulated();

  expect(await api.get("/v1/nothing")).toMatchObject({ status: 404, body: { detail: "Not Found" } });
  expect((await api.get("/browser_sessions")).status).toBe(404);
  const wrong = await api.call("DELETE", "/v1/browser_sessions");
  expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET, POST"]);
});

test("a path that is written out wins over one with an id in its place", async () => {
  const api = await emulated();
  expect(await api.get("/v1/browser_sessions/history")).toMatchObject({ status: 200, body: [] });
});

test("what is not valid is 422, with the place, the text and the type of each complaint", async () => {
  const api = await emulated();
  const { status, body } = await api.post<{ detail: { loc: unknown; msg: string; type: string }[] }>("/v1/run/tasks", {
    max_steps: "5",
    sesion: "pbs_1",
  });

  expect(status).toBe(422);
  expect(body.detail.map(({ loc, type }) => [loc, type])).toEqual([
    [["body", "prompt"], "missing"],
    [["body", "sesion"], "extra_forbidden"],
    [["body", "max_steps"], "type_error"],
  ]);
  expect(body.detail.every(({ msg }) => msg.length > 0)).toBe(true);
});

test("fields that belong to a client, and parameters that the spec does not name, are refused", async () => {
  const api = await emulated();

  expect((await api.post("/v1/run/tasks", { prompt: "p", wait_for_completion: true })).status).toBe(422);
  expect((await api.post("/v1/run/tasks", { prompt: "p", timeout: 60 })).status).toBe(422);
  expect((await api.get("/v1/browser_sessions?page=1")).status).toBe(422);
});

test("what does not exist is 404 with a text, or without any body where that is asked for", async () => {
  const [told, silent] = [await emulated(), await emulated({ emptyNotFound: true })];

  expect(await told.get("/v1/runs/tsk_1")).toMatchObject({ status: 404, body: { detail: "Run tsk_1 not found" } });
  const { status, body, headers } = await silent.get("/v1/runs/tsk_1");
  expect([status, body, headers.get("content-type")]).toEqual([404, undefined, null]);
});

test("an answer of the emulator's own that does not fit the spec is a 500 with an error, and no detail", async () => {
  const settings = settingsOf({});
  const cloud = { settings, sweep: () => undefined } as unknown as SkyvernCloud;
  const drifted = { v1_list_browser_sessions: () => [{ id: "drifted" }] as never };
  const server = new Server(skyvern(cloud, drifted, undefined as never));
  const headers = { "x-api-key": settings.apiKey };
  const response = await server.answer(new Request("http://localhost/v1/browser_sessions", { headers }), false);

  expect(response.status).toBe(500);
  expect(await response.json()).toEqual({
    error: expect.stringContaining("the answer of v1_list_browser_sessions does not fit the spec"),
  });
});

test("the faults that the service is known for come in its own shapes", async () => {
  const api = await emulated();
  const { browser_session_id: id } = await api.session();
  api.emulator.fail(skyvernFaults.downloadsUnavailable);

  expect((await api.get("/v1/browser_sessions")).status).toBe(200);
  expect(await api.get(`/v1/browser_sessions/${id}`)).toMatchObject({
    status: 503,
    body: { detail: { code: "downloaded_files_unavailable", retryable: true } },
  });
  expect((await api.get(`/v1/browser_sessions/${id}`)).status).toBe(200);
  api.emulator.fail({ ...skyvernFaults.unexpected, times: 1 });
  expect(await api.get("/v1/runs")).toMatchObject({ status: 500, body: { error: expect.any(String) } });
  api.emulator.fail(skyvernFaults.rateLimited);
  const limited = await api.get<{ detail: string }>("/v1/runs");
  expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, null]);
});

test("the known faults fit the spec of every operation they are for", () => {
  const read = operations.find(({ id }) => id === "v1_get_browser_session");
  expect(read?.responses["503"]?.(skyvernFaults.downloadsUnavailable.body)).toBe(true);
  for (const operation of operations) expect(operation.responses["500"]?.(skyvernFaults.unexpected.body)).toBe(true);
});

test("the log names every request and its operation, and holds no body and no key", async () => {
  const api = await emulated({ apiKey: "secret_key" });
  await api.post("/v1/run/tasks", { prompt: "hidden" });
  await api.get("/v1/nothing?token=hidden");

  expect(api.emulator.requests).toEqual([
    { method: "POST", path: "/v1/run/tasks", operation: "v1_run_task", status: 200 },
    { method: "GET", path: "/v1/nothing", operation: undefined, status: 404 },
  ]);
});

test("without a socket it answers as with one, and breaks as fetch does", async () => {
  const emulator = createSkyvernEmulator();
  const ask = () => emulator.fetch(`${emulator.url}/v1/runs`, { headers: { "x-api-key": emulator.apiKey } });

  expect(await (await ask()).json()).toEqual([]);
  emulator.fail({ drop: "before" });
  await expect(ask()).rejects.toMatchObject({ message: "fetch failed", cause: { code: "ECONNRESET" } });
  await emulator.close();
  await expect(ask()).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
});

test("closing twice is closing once, and nobody listens after it", async () => {
  const api = await emulated();
  await Promise.all([api.emulator.close(), api.emulator.close()]);

  await expect(fetch(api.emulator.url)).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
});

test("numbers that cannot be meant are refused", () => {
  for (const name of ["maxSessions", "maxTimeoutMinutes", "startMs", "queueMs", "archiveMs", "maxUploadBytes"]) {
    expect(() => createSkyvernEmulator({ [name]: -1 })).toThrow(new RangeError(`${name} must be 0 or more, not -1`));
  }
});

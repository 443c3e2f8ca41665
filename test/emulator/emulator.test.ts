import { expect, test } from "vitest";
import { createEmulator } from "../../src/emulator/index.ts";
import { until } from "./support.ts";

const KEY = { "X-Browser-Use-API-Key": "bu_emulator_key" };

test("without a socket it answers as with one", async () => {
  await using emulator = createEmulator({
    startDelayMs: 1,
    onTask: ({ files }) => [...files.values()].map(String).join(),
  });
  const call = async (method: string, path: string, body?: unknown) =>
    emulator.fetch(
      new Request(emulator.url + path, {
        method,
        headers: { ...KEY, "Content-Type": "application/json" },
        body: body === undefined ? null : JSON.stringify(body),
      }),
    );
  const json = async (response: Promise<Response>) => (await response).json() as Promise<Record<string, never>>;

  expect(emulator.url).toBe("http://localhost/api");
  expect((await emulator.fetch(`${emulator.url}/v2/tasks`)).status).toBe(401);
  const session = await json(call("POST", "/v2/sessions", {}));
  const form = await json(
    call("POST", `/v2/files/sessions/${session["id"]}/presigned-url`, {
      fileName: "a.txt",
      contentType: "text/plain",
      sizeBytes: 2,
    }),
  );
  const data = new FormData();
  for (const [name, value] of Object.entries(form["fields"] ?? {})) data.append(name, String(value));
  data.append("file", new Blob(["hi"]), "a.txt");
  expect((await emulator.fetch(form["url"] ?? "", { method: "POST", body: data })).status).toBe(204);
  const task = await json(call("POST", "/v2/tasks", { task: "t", sessionId: session["id"] }));
  const ended = await until(
    () => json(call("GET", `/v2/tasks/${task["id"]}`)),
    ({ status }) => status === "finished",
  );
  expect(ended["output"]).toBe("104,105");
});

test("without a socket a body without a length is 411 as well", async () => {
  await using emulator = createEmulator();
  const body = new ReadableStream({ start: (controller) => controller.close() });
  const init = { method: "POST", body, duplex: "half" } as RequestInit;

  expect((await emulator.fetch("http://localhost/s3/emulator-files", init)).status).toBe(411);
});

test("without a socket a dropped connection rejects as fetch does", async () => {
  await using emulator = createEmulator();
  emulator.fail({ drop: "before" });
  const dropped = emulator.fetch(`${emulator.url}/v2/tasks`);

  await expect(dropped).rejects.toBeInstanceOf(TypeError);
  await expect(dropped).rejects.toMatchObject({ cause: { code: "ECONNRESET" } });
});

test("without a socket a signal ends the call with its own reason, before and while it is answered", async () => {
  await using emulator = createEmulator({ latencyMs: 1_000 });
  const reason = new Error("enough");
  await expect(emulator.fetch(emulator.url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect(emulator.requests).toHaveLength(0);

  const controller = new AbortController();
  const call = emulator.fetch(emulator.url, { signal: controller.signal });
  controller.abort(reason);
  await expect(call).rejects.toBe(reason);
});

test("without a socket a closed emulator refuses connections", async () => {
  const emulator = createEmulator();
  await emulator.close();

  await expect(emulator.fetch(emulator.url)).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
});

test("two emulators know nothing of each other", async () => {
  await using one = createEmulator();
  await using two = createEmulator();
  await one.fetch(`${one.url}/v2/sessions`, { method: "POST", headers: KEY });

  expect([one.sessions().length, two.sessions().length]).toEqual([1, 0]);
});

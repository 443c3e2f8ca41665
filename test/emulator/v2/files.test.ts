import { expect, test } from "vitest";
import type { Schema } from "../../../src/emulator/operations.ts";
import { type Api, emulated, gate, type Invalid, MISSING } from "../support.ts";

type Presigned = Schema<"V2UploadFilePresignedUrlResponse">;

const PDF = { fileName: "invoice.pdf", contentType: "application/pdf", sizeBytes: 3 };

async function upload(api: Api, path: string, text: string, request: object = PDF): Promise<string> {
  const { body } = await api.post<Presigned>(path, { ...request, sizeBytes: text.length });
  const form = new FormData();
  for (const [name, value] of Object.entries(body.fields)) form.append(name, value);
  form.append("file", new Blob([text]), "anything");
  expect((await fetch(body.url, { method: "POST", body: form })).status).toBe(204);
  return body.fileName;
}

test("a file that was uploaded is there for the next task, by the name the server gave it, byte for byte", async () => {
  const seen = gate<ReadonlyMap<string, Uint8Array>>();
  const api = await emulated({ startDelayMs: 1, onTask: ({ files }) => seen.open(files) });
  const sessionId = await api.sessionV2();
  const path = `/v2/files/sessions/${sessionId}/presigned-url`;
  const [first, second] = [await upload(api, path, "one"), await upload(api, path, "three")];
  await upload(api, `/v2/files/sessions/${await api.sessionV2()}/presigned-url`, "of another session");
  await api.taskV2({ sessionId });

  expect(first).toMatch(/^invoice-\w+\.pdf$/);
  expect(second).not.toBe(first);
  const files = [...(await seen.promise)].map(([name, bytes]) => [name, Buffer.from(bytes).toString()]);
  expect(files).toEqual([
    [first, "one"],
    [second, "three"],
  ]);
});

test("a form that was never posted leaves no file", async () => {
  const seen = gate<ReadonlyMap<string, Uint8Array>>();
  const api = await emulated({ startDelayMs: 1, onTask: ({ files }) => seen.open(files) });
  const sessionId = await api.sessionV2();
  await api.post(`/v2/files/sessions/${sessionId}/presigned-url`, PDF);
  await api.taskV2({ sessionId });

  expect((await seen.promise).size).toBe(0);
});

test("the answer is a form for S3 that expires in 120 seconds", async () => {
  const api = await emulated();
  const { status, body } = await api.post<Presigned>(`/v2/files/sessions/${await api.sessionV2()}/presigned-url`, PDF);

  expect(status).toBe(200);
  expect(body).toMatchObject({ method: "POST", expiresIn: 120 });
  expect(body.url).toBe(`${new URL(api.emulator.url).origin}/s3/emulator-files`);
  expect(Object.keys(body.fields)).toEqual([
    "Content-Type",
    "key",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-security-token",
    "policy",
    "x-amz-signature",
  ]);
});

test.each([
  [{ contentType: "application/zip" }, "contentType"],
  [{ sizeBytes: 0 }, "sizeBytes"],
  [{ sizeBytes: 10 * 1024 * 1024 + 1 }, "sizeBytes"],
  [{ fileName: "" }, "fileName"],
  [{ fileName: "x".repeat(256) }, "fileName"],
])("a file with %j is refused before it is sent", async (change, field) => {
  const api = await emulated();
  const path = `/v2/files/sessions/${await api.sessionV2()}/presigned-url`;
  const { status, body } = await api.post<Invalid>(path, { ...PDF, ...change });

  expect([status, body.detail[0]?.loc]).toEqual([422, ["body", field]]);
});

test("a name with a path in it becomes a plain one", async () => {
  const api = await emulated();
  const path = `/v2/files/sessions/${await api.sessionV2()}/presigned-url`;
  const names = [];
  for (const fileName of ["../../etc/passwd.txt", "C:\\x\\y.txt", "a/", "x".repeat(255)]) {
    names.push((await api.post<Presigned>(path, { ...PDF, fileName })).body.fileName);
  }

  for (const name of names) expect(name).toMatch(/^[^/\\]{1,255}$/);
});

test("sessions and browsers have a way of their own, and a session that is over has none", async () => {
  const api = await emulated();
  const sessionId = await api.sessionV2();
  const browserId = (await api.post<{ id: string }>("/v2/browsers", {})).body.id;
  const ask = (place: string, id: string) =>
    api.post<{ detail: string }>(`/v2/files/${place}/${id}/presigned-url`, PDF);

  expect((await ask("browsers", browserId)).status).toBe(200);
  expect((await ask("browsers", sessionId)).status).toBe(404);
  expect((await ask("sessions", browserId)).status).toBe(404);
  expect((await ask("sessions", MISSING)).status).toBe(404);
  await api.patch(`/v2/sessions/${sessionId}`, { action: "stop" });
  expect((await ask("sessions", sessionId)).status).toBe(400);
});

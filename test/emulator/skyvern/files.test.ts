import { expect, test } from "vitest";
import { outcome } from "../support.ts";
import { type Api, DAY, emulated } from "./support.ts";

interface Uploaded {
  readonly s3_uri: string;
  readonly presigned_url: string;
  readonly file_id: string;
  readonly expires_at: string | null;
}

interface Sent<Body> {
  readonly status: number;
  readonly body: Body;
}

async function upload<Body = Uploaded>(api: Api, form: FormData | string): Promise<Sent<Body>> {
  const headers = { "x-api-key": api.emulator.apiKey };
  const response = await fetch(`${api.emulator.url}/v1/upload_file`, { method: "POST", headers, body: form });
  return { status: response.status, body: (await response.json()) as Body };
}

function formOf(data: string | Uint8Array<ArrayBuffer>, name: string, rest: Record<string, string> = {}): FormData {
  const form = new FormData();
  form.append("file", new Blob([data], { type: "text/plain" }), name);
  for (const [key, value] of Object.entries(rest)) form.append(key, value);
  return form;
}

const remove = async (api: Api, id: string) => (await api.call("DELETE", `/v1/files/${id}`)).status;

test("an uploaded file is given back by its link, byte for byte, with its type and without the key", async () => {
  const api = await emulated();
  const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7) % 256);
  const { status, body } = await upload(api, formOf(bytes, "Größe 1.bin"));
  const response = await fetch(body.presigned_url);

  expect(status).toBe(200);
  expect(body.s3_uri).toMatch(/^s3:\/\/.+\/Größe 1\.bin$/);
  expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
  expect(response.headers.get("content-type")).toBe("text/plain");
  expect((await fetch(body.presigned_url, { headers: { "x-api-key": api.emulator.apiKey } })).status).toBe(400);
});

test("a file is kept for as long as was asked, from one day to a year", async () => {
  const api = await emulated({ now: () => Date.UTC(2026, 0, 1) });
  const { body } = await upload(api, formOf("x", "a.txt", { retention_days: "2" }));

  expect(body.expires_at).toBe("2026-01-03T00:00:00.000000");
  expect((await upload(api, formOf("x", "a.txt"))).body.expires_at).toBeNull();
  expect((await upload(api, formOf("x", "a.txt", { retention_days: "365" }))).status).toBe(200);
  for (const days of ["0", "366", "-1", "1.5", "x", ""]) {
    const refused = await upload<{ detail: object[] }>(api, formOf("x", "a.txt", { retention_days: days }));
    expect([days, refused.status, refused.body.detail]).toMatchObject([
      days,
      422,
      [{ loc: ["body", "retention_days"] }],
    ]);
  }
});

test("a file whose time is over is gone", async () => {
  const api = await emulated();
  const { body } = await upload(api, formOf("x", "a.txt", { retention_days: "1" }));
  api.emulator.advance(DAY);

  expect(await remove(api, body.file_id)).toBe(404);
});

test("a file needs a name, and to be there", async () => {
  const api = await emulated();
  const [nameless, text, other] = [new FormData(), new FormData(), formOf("x", "a.txt", { extra: "1" })];
  nameless.append("retention_days", "1");
  text.append("file", "x");
  const refused = { status: 422, body: { detail: [{ loc: ["body", "file"] }] } };

  expect(await upload(api, nameless)).toMatchObject(refused);
  expect(await upload(api, text)).toMatchObject(refused);
  expect(await upload(api, "file=x")).toMatchObject(refused);
  expect(await upload(api, other)).toMatchObject({ status: 422, body: { detail: [{ loc: ["body", "extra"] }] } });
});

test("a file is 413 when it has one byte more than ten mebibytes, and not before", async () => {
  const api = await emulated();
  const bytes = new Uint8Array(10 * 1024 * 1024 + 1);

  expect((await upload(api, formOf(bytes.subarray(1), "a.bin"))).status).toBe(200);
  expect(await upload(api, formOf(bytes, "a.bin"))).toMatchObject({
    status: 413,
    body: { detail: expect.any(String) },
  });
  expect((await upload(api, formOf(new Uint8Array(12 * 1024 * 1024), "a.bin"))).status).toBe(413);
});

test("a server of one's own may take more, or less", async () => {
  const api = await emulated({ maxUploadBytes: 3 });

  expect((await upload(api, formOf("abc", "a.txt"))).status).toBe(200);
  expect((await upload(api, formOf("abcd", "a.txt"))).status).toBe(413);
});

test("a deleted file is gone, for its link too, and deleting it again is 404", async () => {
  const api = await emulated();
  const { body } = await upload(api, formOf("x", "a.txt"));

  expect([await remove(api, body.file_id), await remove(api, body.file_id)]).toEqual([204, 404]);
  expect(await outcome(await fetch(body.presigned_url))).toBe("404 NoSuchKey");
});

test("a link is good for a day", async () => {
  const api = await emulated();
  const { body } = await upload(api, formOf("x", "a.txt"));
  api.emulator.advance(DAY);

  expect(await outcome(await fetch(body.presigned_url))).toBe("403 AccessDenied");
});

test("a name with folders in it is the last part of it, which must be a name", async () => {
  const api = await emulated();
  const { body } = await upload(api, formOf("x", "../../etc\\a.txt"));

  expect(body.s3_uri).toMatch(/^s3:\/\/emulator-files\/uploads\/f_\d+\/a\.txt$/);
  expect((await upload(api, formOf("x", "a/.."))).status).toBe(422);
  expect((await upload(api, formOf("x", "a/"))).status).toBe(422);
});

test("the upload itself needs the key", async () => {
  const api = await emulated();
  const response = await fetch(`${api.emulator.url}/v1/upload_file`, { method: "POST", body: formOf("x", "a.txt") });

  expect(response.status).toBe(403);
});

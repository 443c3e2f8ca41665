import { request } from "node:http";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { Schema } from "../../../src/emulator/operations.ts";
import { readUpTo } from "../../../src/emulator/server/body.ts";
import { type Api, emulated, outcome } from "../support.ts";

type Presigned = Schema<"V2UploadFilePresignedUrlResponse">;
type Field = readonly [name: string, value: string];

const DATA = "hello";

async function presigned(api: Api, sizeBytes = DATA.length): Promise<Presigned> {
  const path = `/v2/files/sessions/${await api.sessionV2()}/presigned-url`;
  return (await api.post<Presigned>(path, { fileName: "a.txt", contentType: "text/plain", sizeBytes })).body;
}

/** Posts a form, and gives back the status and the code in the XML. */
async function post(
  url: string,
  fields: readonly Field[],
  files: readonly (string | Uint8Array)[] = [DATA],
  after: readonly Field[] = [],
) {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  for (const file of files) form.append("file", new Blob([file as BlobPart]), "f");
  for (const [name, value] of after) form.append(name, value);
  return outcome(await fetch(url, { method: "POST", body: form }));
}

const entries = (form: Presigned): Field[] => Object.entries(form.fields);
const without = (form: Presigned, name: string): Field[] => entries(form).filter(([key]) => key !== name);
const changed = (form: Presigned, name: string, value: string): Field[] =>
  entries(form).map(([key, old]) => [key, key === name ? value : old]);

test("the form as it was signed is stored, with its type, and answers 204 with an ETag", async () => {
  const api = await emulated();
  const form = await presigned(api);
  const data = new FormData();
  for (const [name, value] of entries(form)) data.append(name, value);
  data.append("file", new Blob([DATA], { type: "image/png" }), "other.png");
  const response = await fetch(form.url, { method: "POST", body: data });

  expect(response.status).toBe(204);
  expect(response.headers.get("etag")).toBe('"5d41402abc4b2a76b9719d911017c592"');
  expect(response.headers.get("location")).toContain("/s3/emulator-files/uploads/");
});

test.each([
  ["Content-Type", "403 AccessDenied"],
  ["x-amz-security-token", "403 AccessDenied"],
  ["policy", "403 AccessDenied"],
  ["key", "400 InvalidArgument"],
  ["x-amz-algorithm", "400 InvalidArgument"],
  ["x-amz-credential", "400 InvalidArgument"],
  ["x-amz-date", "400 InvalidArgument"],
  ["x-amz-signature", "400 InvalidArgument"],
])("a form without its field %s is %s", async (field, expected) => {
  const form = await presigned(await emulated());
  expect(await post(form.url, without(form, field))).toBe(expected);
});

test.each([
  ["Content-Type", "text/plain;charset=utf-8", "403 AccessDenied"],
  ["Content-Type", "text/plain ", "403 AccessDenied"],
  ["key", "uploads/somebody-else/a.txt", "403 AccessDenied"],
  ["x-amz-date", "20260101T000000Z", "403 AccessDenied"],
  ["x-amz-security-token", "other", "403 AccessDenied"],
  ["x-amz-algorithm", "AWS4-HMAC-SHA1", "403 AccessDenied"],
  ["x-amz-credential", "SOMEBODY/20260101/us-east-1/s3/aws4_request", "403 InvalidAccessKeyId"],
  ["x-amz-signature", "0".repeat(64), "403 SignatureDoesNotMatch"],
  ["x-amz-signature", "", "403 SignatureDoesNotMatch"],
  [
    "policy",
    Buffer.from('{"expiration":"2099-01-01T00:00:00Z","conditions":[]}').toString("base64"),
    "403 SignatureDoesNotMatch",
  ],
])("a form whose %s was changed to %j is %s", async (field, value, expected) => {
  const form = await presigned(await emulated());
  expect(await post(form.url, changed(form, field, value))).toBe(expected);
});

test("the fields of one form do not sign another one's key", async () => {
  const api = await emulated();
  const [one, two] = [await presigned(api), await presigned(api)];

  expect(await post(one.url, changed(one, "key", two.fields["key"] ?? ""))).toBe("403 AccessDenied");
  expect(await post(one.url, changed(one, "policy", two.fields["policy"] ?? ""))).toBe("403 SignatureDoesNotMatch");
});

test("fields that are not in the policy are refused, except for x-ignore-…; a field twice is refused", async () => {
  const form = await presigned(await emulated());

  expect(await post(form.url, [...entries(form), ["acl", "public-read"]])).toBe("403 AccessDenied");
  expect(await post(form.url, [...entries(form), ["success_action_status", "201"]])).toBe("403 AccessDenied");
  expect(await post(form.url, [...entries(form), ["bucket", "other"]])).toBe("403 AccessDenied");
  expect(await post(form.url, [...entries(form), ["key", "again"]])).toBe("400 InvalidArgument");
  expect(await post(form.url, [...entries(form), ["x-ignore-this", "1"]])).toBe("204");
});

test("the file comes last: fields after it do not count", async () => {
  const form = await presigned(await emulated());

  expect(await post(form.url, [], [DATA], entries(form))).toBe("400 InvalidArgument");
  expect(await post(form.url, without(form, "policy"), [DATA], [["policy", form.fields["policy"] ?? ""]])).toBe(
    "403 AccessDenied",
  );
  expect(await post(form.url, entries(form), [DATA], [["acl", "ignored"]])).toBe("204");
});

test("there is exactly one file", async () => {
  const form = await presigned(await emulated());

  expect(await post(form.url, entries(form), [])).toBe("400 InvalidArgument");
  expect(await post(form.url, entries(form), [DATA, DATA])).toBe("400 InvalidArgument");
});

test("the file has the size that was announced", async () => {
  const form = await presigned(await emulated());

  expect(await post(form.url, entries(form), [""])).toBe("400 EntityTooSmall");
  expect(await post(form.url, entries(form), ["hell"])).toBe("400 EntityTooSmall");
  expect(await post(form.url, entries(form), ["hello!"])).toBe("400 EntityTooLarge");
  expect(await post(form.url, entries(form), [DATA])).toBe("204");
});

test("a file of the largest size is stored", async () => {
  const size = 10 * 1024 * 1024;
  const form = await presigned(await emulated(), size);

  expect(await post(form.url, entries(form), [new Uint8Array(size)])).toBe("204");
});

test("a file far too large is refused, and the refusal arrives although the client is still sending", async () => {
  const form = await presigned(await emulated());
  const huge = new Uint8Array(60 * 1024 * 1024);

  expect(await post(form.url, entries(form), [huge])).toBe("400 EntityTooLarge");
  expect(await post(form.url, changed(form, "x-amz-signature", "0"), [huge])).toBe("403 SignatureDoesNotMatch");
});

test("a client that goes on sending after the refusal can use its connection again", async () => {
  const { url } = await presigned(await emulated());
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk;
  });
  const chunk = Buffer.alloc(1024 * 1024);
  const head = "POST /s3/emulator-files HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n";
  socket.write(`${head}Content-Length: ${40 * chunk.length}\r\n\r\n`);
  for (let i = 0; i < 40; i++) socket.write(chunk);
  socket.write("GET /api/v2/nothing HTTP/1.1\r\nHost: x\r\n\r\n");

  await expect
    .poll(() => received.match(/HTTP\/1\.1 \d+/g), { timeout: 5_000 })
    .toEqual(["HTTP/1.1 400", "HTTP/1.1 404"]);
});

test("of a body that never ends no more is kept than the limit, and reading it stops", async () => {
  let sent = 0;
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 1_000;
      controller.enqueue(new Uint8Array(1_000));
    },
    cancel() {
      cancelled = true;
    },
  });
  const { bytes, truncated } = await readUpTo(endless, 10_000);

  expect([truncated, cancelled]).toEqual([true, true]);
  expect(bytes.length).toBeLessThanOrEqual(11_000);
  expect(sent).toBeLessThan(20_000);
});

test("a form expires, even though it is refused only when it is posted", async () => {
  const api = await emulated();
  const form = await presigned(api);
  api.emulator.advance(119_000);
  expect(await post(form.url, entries(form))).toBe("204");
  api.emulator.advance(2_000);

  expect(await post(form.url, entries(form))).toBe("403 AccessDenied");
});

test("a body without a length is 411", async () => {
  const form = await presigned(await emulated());
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode("--b\r\n"));
      controller.close();
    },
  });
  const headers = { "Content-Type": "multipart/form-data; boundary=b" };
  const init = { method: "POST", headers, body, duplex: "half" } as RequestInit;

  expect(await outcome(await fetch(form.url, init))).toBe("411 MissingContentLength");
});

test("a body that is cut off, or is no form, is refused", async () => {
  const form = await presigned(await emulated());
  const fields = entries(form).map(
    ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const file = `--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\nContent-Type: text/plain\r\n\r\n${DATA}`;
  const send = async (body: string, type = "multipart/form-data; boundary=b") =>
    outcome(await fetch(form.url, { method: "POST", headers: { "Content-Type": type }, body }));

  expect(await send(`${fields.join("")}${file}`)).toBe("400 MalformedPOSTRequest");
  expect(await send(`${fields.join("")}${file}\r\n--b`)).toBe("400 MalformedPOSTRequest");
  expect(await send("")).toBe("400 MalformedPOSTRequest");
  expect(await send(DATA, "text/plain")).toBe("412 PreconditionFailed");
  expect(await send(`${fields.join("")}${file}\r\n--b--\r\n`)).toBe("204");
});

test("what comes before the file has a limit", async () => {
  const form = await presigned(await emulated());
  const fields: Field[] = [["x-ignore-much", "x".repeat(21_000)], ...entries(form)];

  expect(await post(form.url, fields)).toBe("400 MaxPostPreDataLengthExceeded");
});

test.each(["X-Browser-Use-API-Key", "Authorization"])("a request that carries %s is refused", async (header) => {
  const form = await presigned(await emulated());
  const data = new FormData();
  for (const [name, value] of entries(form)) data.append(name, value);
  data.append("file", new Blob([DATA]), "f");

  expect(await outcome(await fetch(form.url, { method: "POST", body: data, headers: { [header]: "k" } }))).toBe(
    "400 InvalidArgument",
  );
});

test("an upload that breaks off stores nothing", async () => {
  const api = await emulated();
  const form = await presigned(api);
  const broken = request(form.url, {
    method: "POST",
    headers: { "Content-Type": "multipart/form-data; boundary=b", "Content-Length": 10_000 },
  });
  const error = new Promise((resolve) => broken.once("error", resolve));
  broken.write("--b\r\n");
  await new Promise((resolve) => setTimeout(resolve, 20));
  broken.destroy(new Error("gone"));
  await error;

  expect(await post(form.url, entries(form))).toBe("204");
  expect(api.emulator.requests.filter(({ path, status }) => path.startsWith("/s3/") && status === 204)).toHaveLength(1);
});

test("another bucket is 404 and another method 405", async () => {
  const form = await presigned(await emulated());

  expect(await post(form.url.replace("emulator-files", "other"), entries(form))).toBe("404 NoSuchBucket");
  expect(await outcome(await fetch(form.url, { method: "PUT", body: DATA }))).toBe("405 MethodNotAllowed");
});

test("a link gives its object until it expires, to nobody who changes it, and to no one without a signature", async () => {
  const api = await emulated({ startDelayMs: 1 });
  const { id } = await api.taskV2({});
  await api.endedTask(id);
  const { downloadUrl } = (await api.get<{ downloadUrl: string }>(`/v2/tasks/${id}/logs`)).body;
  const get = async (url: string) => outcome(await fetch(url));
  const bare = downloadUrl.split("?")[0] ?? "";

  expect(await get(downloadUrl)).toBe("200");
  const head = await fetch(downloadUrl, { method: "HEAD" });
  expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([200, "text/plain", ""]);
  expect(Number(head.headers.get("content-length"))).toBeGreaterThan(0);
  expect(await get(bare)).toBe("403 AccessDenied");
  expect(await get(downloadUrl.replace("/logs/", "/other/"))).toBe("403 SignatureDoesNotMatch");
  expect(await get(downloadUrl.replace("X-Amz-Expires=300", "X-Amz-Expires=999999"))).toBe("403 SignatureDoesNotMatch");
  api.emulator.advance(301_000);
  expect(await get(downloadUrl)).toBe("403 AccessDenied");
});

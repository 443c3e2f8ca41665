import { mkdtempSync, openAsBlob, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { InvalidInputError, UploadError } from "../../src/skyvern.ts";
import { rejection } from "../support/clients.ts";
import { answer, refusal, Service } from "../support/service.ts";
import { clientOf, KEY } from "./support.ts";

const UPLOAD = "POST /v1/upload_file";
const STORED = {
  s3_uri: "s3://bucket/a",
  presigned_url: "https://files.test/a?sig=1",
  file_id: "file_1",
  expires_at: null,
};
const BYTES = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7919) % 256);

interface Taken {
  readonly headers: IncomingMessage["headers"];
  readonly form: FormData;
}

/** A real server, which reads forms as servers do. */
async function startTaker(): Promise<{ url: string; taken: Taken[] }> {
  const taken: Taken[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const headers = { "Content-Type": request.headers["content-type"] ?? "" };
    taken.push({ headers: request.headers, form: await new Response(Buffer.concat(chunks), { headers }).formData() });
    response.setHeader("Content-Type", "application/json").end(JSON.stringify(STORED));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  return { url: `http://127.0.0.1:${address.port}`, taken };
}

describe("an upload", () => {
  test("arrives as a form with the file under its name, byte for byte, and with the key", async () => {
    const { url, taken } = await startTaker();
    const skyvern = clientOf(new Service(), { fetch: undefined, baseUrl: url, headers: { "X-Team": "a" } });
    const file = { name: "Rechnung März.pdf", data: BYTES };
    expect(await skyvern.files.upload(file, { retention_days: 30 })).toEqual(STORED);
    const [{ headers, form } = {} as Taken] = taken;
    expect(headers).toMatchObject({ "x-api-key": KEY, "x-team": "a" });
    expect([...form.keys()]).toEqual(["retention_days", "file"]);
    expect(form.get("retention_days")).toBe("30");
    const stored = form.get("file") as File;
    expect([stored.name, stored.type]).toEqual(["Rechnung März.pdf", "application/pdf"]);
    expect(new Uint8Array(await stored.arrayBuffer())).toEqual(BYTES);
  });

  test.each([
    ["a File", new File([BYTES], "a.csv"), "text/csv"],
    [
      "a Blob with a type of its own",
      { name: "a.bin", data: new Blob([BYTES]), type: "application/x-own" },
      "application/x-own",
    ],
    ["an ArrayBuffer", { name: "a.zip", data: BYTES.buffer }, "application/zip"],
  ])("takes %s", async (_, file, type) => {
    const { url, taken } = await startTaker();
    await clientOf(new Service(), { fetch: undefined, baseUrl: url }).files.upload(file);
    const stored = taken[0]?.form.get("file") as File;
    expect([stored.name, stored.type, stored.size]).toEqual([file.name, type, BYTES.length]);
    expect(taken[0]?.form.has("retention_days")).toBe(false);
  });

  test.each<[string, unknown, object, string]>([
    ["a file without bytes", { name: "a.txt", data: new Uint8Array(0) }, {}, "0 bytes"],
    ["a file without a name", { name: "", data: BYTES }, {}, "has no name"],
    ["bytes alone", BYTES, {}, "has no name"],
    ["a folder in the name", { name: "../a.txt", data: BYTES }, {}, "is no file name"],
    ["no time to keep it", { name: "a.txt", data: BYTES }, { retention_days: 0 }, "retention_days must be 1 to 365"],
    ["more than a year", { name: "a.txt", data: BYTES }, { retention_days: 366 }, "retention_days must be 1 to 365"],
    ["half a day", { name: "a.txt", data: BYTES }, { retention_days: 1.5 }, "retention_days must be an integer"],
    ["a misspelled field", { name: "a.txt", data: BYTES }, { retentionDays: 1 }, "retentionDays is not a known field"],
    ["nothing", undefined, {}, "has no name"],
  ])("refuses %s before anything is sent", async (_, file, request, text) => {
    const on = new Service();
    const error = await rejection(clientOf(on).files.upload(file as File, request));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(String(error)).toContain(text);
    expect(on.sent).toEqual([]);
  });

  test("of a file that is too large is refused in the service's words", async () => {
    const on = new Service().on(UPLOAD, refusal(413, "File is larger than 10 MB"));
    const error = await rejection(clientOf(on).files.upload({ name: "a.txt", data: BYTES }));
    expect(error).toMatchObject({
      name: "ApiError",
      status: 413,
      message: expect.stringContaining("larger than 10 MB"),
    });
  });

  test("is sent again after a refusal that says when, and only then", async () => {
    const busy = () =>
      new Response(JSON.stringify({ detail: "slow down" }), { status: 429, headers: { "Retry-After": "0" } });
    const on = new Service().on(UPLOAD, busy, STORED);
    expect(await clientOf(on).files.upload({ name: "a.txt", data: BYTES })).toEqual(STORED);
    const lost = new Service().on(UPLOAD, answer(500, { error: "oops" }));
    expect(await rejection(clientOf(lost).files.upload({ name: "a.txt", data: BYTES }))).toMatchObject({
      outcome: "unknown",
    });
    expect(lost.count(UPLOAD)).toBe(1);
  });

  test("of a file that changes under it is an error, and nothing is sent", async () => {
    const folder = mkdtempSync(join(tmpdir(), "upload-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "a.txt");
    writeFileSync(path, "before");
    const data = await openAsBlob(path);
    writeFileSync(path, "a text that is longer");
    const on = new Service();
    expect(await rejection(clientOf(on).files.upload({ name: "a.txt", data }))).toBeInstanceOf(UploadError);
    expect(on.sent).toEqual([]);
  });

  test("whose answer has no link is as good as none", async () => {
    const on = new Service().on(UPLOAD, { s3_uri: "s3://bucket/a" });
    expect(await rejection(clientOf(on).files.upload({ name: "a.txt", data: BYTES }))).toMatchObject({
      outcome: "unknown",
    });
  });

  test("before which the caller has left, sends nothing", async () => {
    const on = new Service();
    const options = { signal: AbortSignal.abort(new Error("gone")) };
    expect(await rejection(clientOf(on).files.upload({ name: "a.txt", data: BYTES }, {}, options))).toMatchObject({
      message: "gone",
    });
    expect(on.sent).toEqual([]);
  });
});

test("middleware sees a form as the request that it is, and may send another", async () => {
  const { url, taken } = await startTaker();
  const skyvern = clientOf(new Service(), { fetch: undefined, baseUrl: url });
  skyvern.api.use({
    onRequest: ({ request }) => new Request(request, { headers: { ...headersOf(request), "x-trace": "1" } }),
  });
  await skyvern.files.upload({ name: "a.txt", data: BYTES });
  expect(taken[0]?.headers["x-trace"]).toBe("1");
  const stored = taken[0]?.form.get("file");
  expect(stored instanceof File && stored.size).toBe(BYTES.length);
});

function headersOf(request: Request): Record<string, string> {
  return Object.fromEntries(request.headers);
}

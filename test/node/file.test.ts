import { execFile } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { InvalidInputError, UploadError, type UploadProgress } from "../../src/index.ts";
import { fileFromPath } from "../../src/node.ts";
import { clientOf, rejection } from "../support/clients.ts";

const MIB = 1024 * 1024;
const UPLOADER = join(import.meta.dirname, "file-uploader.ts");

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "file-"));
  return () => rmSync(folder, { recursive: true });
});

function written(name: string, content: string | Uint8Array = name): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A service that signs, and a file store that counts what it gets and keeps none of it. */
async function sink(breakFirst = false) {
  const puts: { readonly bytes: number; readonly length: string | undefined }[] = [];
  let broken = !breakFirst;
  const server = createServer(async (request, response) => {
    if (request.method === "POST") {
      let text = "";
      for await (const chunk of request) text += chunk;
      const files = JSON.parse(text).files.map(({ name }: { name: string }) => ({
        name,
        path: name,
        uploadUrl: `${url}/store/${name}`,
      }));
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ files }));
      return;
    }
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (broken || bytes < MIB) return;
      broken = true;
      request.socket.resetAndDestroy();
    });
    request.on("error", () => {});
    request.on("end", () => {
      puts.push({ bytes, length: request.headers["content-length"] });
      response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, puts };
}

test.each([
  ["a path", (path: string) => path],
  ["a URL", (path: string) => pathToFileURL(path)],
])("A file is opened by %s, under the last part of it", async (_, how) => {
  const file = await fileFromPath(how(written("größe 1.csv", "a,b")));
  expect(file).toMatchObject({ name: "größe 1.csv", type: undefined });
  expect(await file.data.text()).toBe("a,b");
});

test("Name and type can be said", async () => {
  const file = await fileFromPath(written("a.csv"), { name: "in/b.txt", type: "text/plain" });
  expect(file).toMatchObject({ name: "in/b.txt", type: "text/plain" });
});

test("A file goes into a workspace, and to a v2 session", async () => {
  const { url, puts } = await sink();
  const file = await fileFromPath(written("a.csv", "a,b"));
  const client = clientOf({ url });
  expect(await client.workspaces.upload("w1", file)).toEqual([{ fileName: "a.csv", sizeBytes: 3, type: "text/csv" }]);
  expect(puts).toEqual([{ bytes: 3, length: "3" }]);
  const sent: FormData[] = [];
  const fetch = async (request: Request) => {
    const isForm = request.url.endsWith("/store");
    if (isForm) sent.push(await request.formData());
    return isForm
      ? new Response(null)
      : Response.json({ url: `${url}/store`, fields: {}, fileName: "a.csv", expiresIn: 60 }, { status: 201 });
  };
  await clientOf({ url }, { fetch }).files.upload({ sessionId: "s1" }, file);
  expect(sent.map((form) => form.get("file"))).toMatchObject([{ name: "a.csv", size: 3 }]);
});

test.each<[string, () => string | URL, RegExp]>([
  ["that is not there", () => join(folder, "no.txt"), /no\.txt cannot be uploaded: there is no such file/],
  ["below a file", () => join(written("a.txt"), "b"), /there is no such file/],
  ["without a path", () => "", /there is no such file/],
  ["that is a folder", () => folder, /it is no file/],
  ["that is a device", () => "/dev/null", /it is no file/],
  ["with a zero in its path", () => "a\0b", /cannot be uploaded/],
  ["at a URL of the web", () => new URL("https://app.test/a.txt"), /cannot be uploaded/],
  ["that is undefined", () => undefined as unknown as string, /undefined cannot be uploaded/],
  ["that is a number", () => 5 as unknown as string, /5 cannot be uploaded/],
])("A file %s is refused", async (_, path, why) => {
  const error = await rejection(fileFromPath(path()));
  expect(error).toBeInstanceOf(InvalidInputError);
  expect((error as Error).message).toMatch(why);
});

test.skipIf(process.getuid?.() === 0)("A file that may not be read is refused", async () => {
  const path = written("a.txt");
  chmodSync(path, 0);
  const error = await rejection(fileFromPath(path));
  expect(error).toBeInstanceOf(InvalidInputError);
  expect((error as Error).message).toMatch(/may not be read/);
});

test("An option that nobody reads is refused", async () => {
  expect(await rejection(fileFromPath(written("a"), { mime: "a/b" } as object))).toBeInstanceOf(InvalidInputError);
});

test("A file without a byte is refused by the upload, before anything is sent", async () => {
  const { url } = await sink();
  const file = await fileFromPath(written("a.txt", ""));
  const error = await rejection(clientOf({ url }).workspaces.upload("w1", file));
  expect(error).toBeInstanceOf(InvalidInputError);
  expect((error as Error).message).toMatch(/a\.txt has 0 bytes/);
});

describe("a file that changes before it is stored", () => {
  test.each<[string, (path: string) => void]>([
    ["by growing", (path) => appendFileSync(path, "x")],
    ["by shrinking", (path) => truncateSync(path, 10)],
    ["by being written anew", (path) => writeFileSync(path, new Uint8Array(2 * MIB).fill(1))],
    ["by being deleted", (path) => unlinkSync(path)],
    [
      "by becoming a folder",
      (path) => {
        unlinkSync(path);
        mkdirSync(path);
      },
    ],
  ])("%s is not stored, and the error says so", async (_, change) => {
    const { url, puts } = await sink();
    const path = written("a.bin", new Uint8Array(2 * MIB));
    const file = await fileFromPath(path);
    change(path);
    for (const options of [{}, { onProgress: () => {} }]) {
      const error = await rejection(clientOf({ url }).workspaces.upload("w1", file, options));
      expect(error).toBeInstanceOf(UploadError);
      expect((error as Error).message).toMatch(/a\.bin was not stored: the file has changed/);
    }
    expect(puts).toEqual([]);
  });
});

test("A file is read again from its beginning when the connection breaks", async () => {
  const { url, puts } = await sink(true);
  const file = await fileFromPath(written("a.bin", new Uint8Array(8 * MIB).fill(7)));
  const told: UploadProgress[] = [];
  await clientOf({ url }).workspaces.upload("w1", file, { onProgress: (progress) => told.push(progress) });
  expect(puts).toEqual([{ bytes: 8 * MIB, length: String(8 * MIB) }]);
  const sent = told.map(({ sentBytes }) => sentBytes);
  expect(sent.some((bytes, index) => bytes < (sent[index - 1] ?? 0))).toBe(true);
  expect(told.at(-1)).toEqual({ sentBytes: 8 * MIB, totalBytes: 8 * MIB, storedFiles: 1 });
});

test("On Node, progress is told as the bytes of a file leave", async () => {
  const { url } = await sink();
  const file = await fileFromPath(written("a.bin", new Uint8Array(4 * MIB)));
  const told: number[] = [];
  await clientOf({ url }).workspaces.upload("w1", file, { onProgress: ({ sentBytes }) => told.push(sentBytes) });
  expect(told.filter((bytes) => bytes > 0 && bytes < 4 * MIB).length).toBeGreaterThan(10);
  expect(told).toEqual([...told].sort((a, b) => a - b));
});

test.each([
  ["alone", 512, []],
  ["while it is watched", 256, ["watched"]],
])(
  "The memory of a process does not grow with the file that it uploads %s",
  async (_, sizeMiB, args) => {
    const { url, puts } = await sink();
    const path = written("big.bin", "");
    truncateSync(path, sizeMiB * MIB);
    const command = ["--import", import.meta.resolve("tsx"), UPLOADER, url, path, ...args];
    const { stdout } = await promisify(execFile)(process.execPath, command);
    const { idleMiB, peakMiB } = JSON.parse(stdout);
    expect(puts.at(-1)).toEqual({ bytes: sizeMiB * MIB, length: String(sizeMiB * MIB) });
    expect(peakMiB - idleMiB).toBeLessThan(150);
  },
  60_000,
);

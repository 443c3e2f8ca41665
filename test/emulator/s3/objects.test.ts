import { request } from "node:http";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { type Api, emulated, outcome } from "../support.ts";

const TYPE = { "Content-Type": "text/plain" };
const DATA = "hello";
const MIB = 1024 * 1024;

interface Place {
  readonly api: Api;
  readonly id: string;
  readonly url: string;
}

/** A link to put `DATA` by, and where it goes to. */
async function linked(file: object = { size: DATA.length }): Promise<Place> {
  const api = await emulated();
  const id = await api.workspace();
  const { uploadUrl } = await api.invite(id, { name: "a.txt", contentType: "text/plain", ...file });
  return { api, id, url: uploadUrl };
}

async function put(url: string, body: BodyInit | null = DATA, headers: Record<string, string> = TYPE): Promise<string> {
  return outcome(await fetch(url, { method: "PUT", headers, body }));
}

/** A request with no other headers than these and `Host`. */
function bare(url: string, headers: Record<string, string | number>, body?: string, method = "PUT"): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers }, (answer) => {
      let text = "";
      answer.on("data", (chunk) => {
        text += chunk;
      });
      answer.on("end", () => resolve(`${answer.statusCode} ${/<Code>(\w+)/.exec(text)?.[1] ?? ""}`.trim()));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

async function files({ api, id }: Place) {
  return (await api.filesV3(id, { includeUrls: "true" })).files;
}

/** A link to get `text` by, after it was put. */
async function stored(text: string): Promise<{ place: Place; url: string; etag: string }> {
  const place = await linked({ size: null });
  expect(await put(place.url, text)).toBe("200");
  const url = (await files(place))[0]?.url ?? "";
  return { place, url, etag: (await fetch(url, { method: "HEAD" })).headers.get("etag") ?? "" };
}

test("what is put as it was signed is stored with its type, and answers 200 with an ETag", async () => {
  const place = await linked();
  const response = await fetch(place.url, { method: "PUT", headers: TYPE, body: DATA });

  expect([response.status, response.headers.get("etag")]).toEqual([200, '"5d41402abc4b2a76b9719d911017c592"']);
  const [file] = await files(place);
  const back = await fetch(file?.url ?? "");
  expect([back.status, back.headers.get("content-type"), await back.text()]).toEqual([200, "text/plain", DATA]);
  expect(back.headers.get("etag")).toBe('"5d41402abc4b2a76b9719d911017c592"');
});

test.each<[string, (url: string) => Promise<string>]>([
  ["another type", (url) => put(url, DATA, { "Content-Type": "text/html" })],
  ["the type that fetch gives a string", (url) => put(url, DATA, {})],
  ["a type with a parameter", (url) => put(url, DATA, { "Content-Type": "text/plain;charset=UTF-8" })],
  ["no type", (url) => bare(url, { "Content-Length": DATA.length }, DATA)],
  ["a longer body", (url) => put(url, "hello!")],
  ["a shorter body", (url) => put(url, "hell")],
  ["an empty body", (url) => put(url, null)],
  ["a chunked body", (url) => bare(url, { ...TYPE, "Transfer-Encoding": "chunked" }, DATA)],
  ["neither length nor chunks", (url) => bareHead(url)],
  ["a form", (url) => put(url, form(), {})],
  ["POST", (url) => bare(url, { ...TYPE, "Content-Length": DATA.length }, DATA, "POST")],
])("a put with %s stores nothing", async (_, send) => {
  const place = await linked();
  expect(await send(place.url)).toBe(_ === "POST" ? "405 MethodNotAllowed" : "403 SignatureDoesNotMatch");

  expect(await files(place)).toEqual([]);
  expect(await put(place.url)).toBe("200");
});

function form(): FormData {
  const data = new FormData();
  data.append("file", new Blob([DATA], { type: "text/plain" }));
  return data;
}

/** Node's own client always sends a length. */
function bareHead(url: string): Promise<string> {
  const { port, host, pathname, search } = new URL(url);
  const socket = connect(Number(port), "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.write(`PUT ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: text/plain\r\n\r\n`);
  return new Promise((resolve) => {
    socket.once("data", (data) => {
      const [, status] = /^HTTP\/1\.1 (\d+)/.exec(String(data)) ?? [];
      resolve(`${status} ${/<Code>(\w+)/.exec(String(data))?.[1]}`);
    });
  });
}

test.each([
  ["of another file", (url: URL) => url.pathname.replace("a.txt", "b.txt") + url.search, "403 SignatureDoesNotMatch"],
  ["that lasts longer", (url: URL) => change(url, "X-Amz-Expires", "3600"), "403 SignatureDoesNotMatch"],
  ["of a later date", (url: URL) => change(url, "X-Amz-Date", "20990101T000000Z"), "403 SignatureDoesNotMatch"],
  [
    "that leaves out signed headers",
    (url: URL) => change(url, "X-Amz-SignedHeaders", "host"),
    "403 SignatureDoesNotMatch",
  ],
  ["with another token", (url: URL) => change(url, "X-Amz-Security-Token", "x"), "403 SignatureDoesNotMatch"],
  ["with another signature", (url: URL) => change(url, "X-Amz-Signature", "0".repeat(64)), "403 SignatureDoesNotMatch"],
  ["with one more parameter", (url: URL) => change(url, "x-id", "PutObject"), "403 SignatureDoesNotMatch"],
  [
    "of another key",
    (url: URL) => change(url, "X-Amz-Credential", "SOMEBODY/20260101/us-east-1/s3/aws4_request"),
    "403 InvalidAccessKeyId",
  ],
  ["without a signature", (url: URL) => url.pathname, "403 AccessDenied"],
  ["that cannot be read", (url: URL) => `${url.pathname}%ff${url.search}`, "400 InvalidURI"],
])("a link %s is refused", async (_, changed, expected) => {
  const { url } = await linked();

  expect(await put(new URL(changed(new URL(url)), url).href)).toBe(expected);
});

function change(url: URL, name: string, value: string): string {
  url.searchParams.set(name, value);
  return url.href;
}

test("a link to put does not get, and a link to get does not put", async () => {
  const { place, url } = await stored(DATA);

  expect(await outcome(await fetch(place.url, { headers: TYPE }))).toBe("403 SignatureDoesNotMatch");
  expect(await put(url)).toBe("403 SignatureDoesNotMatch");
});

test("a link is for its host", async () => {
  const { url } = await linked();

  expect(await bare(url, { ...TYPE, "Content-Length": DATA.length, Host: "other.test" }, DATA)).toBe(
    "403 SignatureDoesNotMatch",
  );
});

test.each([
  ["X-Amz-Acl", "public-read", "403 AccessDenied"],
  ["X-Amz-Meta-Name", "a", "403 AccessDenied"],
  ["x-amz-checksum-crc32", "AAAAAA==", "403 AccessDenied"],
  ["Authorization", "Bearer k", "400 InvalidArgument"],
  ["X-Browser-Use-API-Key", "bu_emulator_key", "400 InvalidArgument"],
  ["X-Other", "1", "200"],
  ["Cache-Control", "no-cache", "200"],
])("a put that carries %s is %s: %s", async (name, value, expected) => {
  const place = await linked();
  expect(await put(place.url, DATA, { ...TYPE, [name]: value })).toBe(expected);

  expect(await files(place)).toHaveLength(expected === "200" ? 1 : 0);
});

test("an unsigned x-amz header is refused when getting as well", async () => {
  const { url } = await stored(DATA);

  expect(await outcome(await fetch(url, { headers: { "x-amz-request-payer": "requester" } }))).toBe("403 AccessDenied");
});

test("an expired link says so", async () => {
  const { api, url } = await linked();
  api.emulator.advance(300_000);
  const response = await fetch(url, { method: "PUT", headers: TYPE, body: DATA });

  expect(response.status).toBe(403);
  expect(await response.text()).toContain("<Code>AccessDenied</Code><Message>Request has expired</Message>");
});

test("without a size any length goes, even none, but not without saying which", async () => {
  const place = await linked({ size: null });
  expect(new URL(place.url).searchParams.get("X-Amz-SignedHeaders")).toBe("content-type;host");

  for (const text of ["", "a", "hello world"]) {
    expect(await put(place.url, text)).toBe("200");
    expect((await files(place)).map(({ size }) => size)).toEqual([text.length]);
  }
  expect(await bare(place.url, { ...TYPE, "Transfer-Encoding": "chunked" }, DATA)).toBe("501 NotImplemented");
  expect(await bareHead(place.url)).toBe("411 MissingContentLength");
  expect(await put(place.url, DATA, { "Content-Type": "text/html" })).toBe("403 SignatureDoesNotMatch");
  expect(await bare(place.url, { ...TYPE, "Content-Length": 2 ** 33 })).toBe("400 EntityTooLarge");
});

test("a type with a parameter is signed as a whole", async () => {
  const place = await linked({ size: DATA.length, contentType: "text/plain; charset=utf-8" });

  expect(await put(place.url)).toBe("403 SignatureDoesNotMatch");
  expect(await put(place.url, DATA, { "Content-Type": "text/plain;charset=utf-8" })).toBe("403 SignatureDoesNotMatch");
  expect(await put(place.url, DATA, { "Content-Type": "text/plain; charset=utf-8" })).toBe("200");
});

test("a large file is stored byte for byte, and comes back as it was", async () => {
  const data = new Uint8Array(32 * MIB).map((_, i) => (i * 31 + (i >> 16)) & 255);
  const place = await linked({ size: data.length });
  expect(await put(place.url, data)).toBe("200");

  const back = await fetch((await files(place))[0]?.url ?? "");
  expect(back.headers.get("content-length")).toBe(String(data.length));
  expect(Buffer.compare(Buffer.from(await back.arrayBuffer()), data)).toBe(0);
});

test("a refusal arrives although the client is still sending, and the connection can be used again", async () => {
  const place = await linked({ size: 40 * MIB });
  const { port, host, pathname, search } = new URL(place.url);
  const socket = connect(Number(port), "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk;
  });
  const head = `PUT ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: text/html\r\n`;
  socket.write(`${head}Content-Length: ${40 * MIB}\r\n\r\n`);
  await expect.poll(() => received.match(/HTTP\/1\.1 \d+/g), { timeout: 5_000 }).toEqual(["HTTP/1.1 403"]);
  for (let i = 0; i < 40; i++) socket.write(Buffer.alloc(MIB));
  socket.write("GET /api/v2/nothing HTTP/1.1\r\nHost: x\r\n\r\n");

  await expect
    .poll(() => received.match(/HTTP\/1\.1 \d+/g), { timeout: 5_000 })
    .toEqual(["HTTP/1.1 403", "HTTP/1.1 404"]);
});

test("a body that breaks off stores nothing, and leaves what was there", async () => {
  const place = await linked();
  await put(place.url);
  const broken = request(place.url, { method: "PUT", headers: { ...TYPE, "Content-Length": DATA.length } });
  const error = new Promise((resolve) => broken.once("error", resolve));
  broken.write("HE");
  await expect.poll(() => place.api.emulator.requests.filter(({ method }) => method === "PUT").length).toBe(2);
  broken.destroy(new Error("gone"));
  await error;

  const [file] = await files(place);
  expect(await (await fetch(file?.url ?? "")).text()).toBe(DATA);
});

test("without a socket the same holds, with and without a length in the headers", async () => {
  const { api, url } = await linked();
  const send = async (body: BodyInit, headers: Record<string, string> = TYPE) =>
    outcome(await api.emulator.fetch(url, { method: "PUT", headers, body, duplex: "half" } as RequestInit));
  const stream = () => new Blob([DATA]).stream();

  expect(await send(DATA)).toBe("200");
  expect(await send(new Blob([DATA]))).toBe("200");
  expect(await send("hell")).toBe("403 SignatureDoesNotMatch");
  expect(await send(DATA, {})).toBe("403 SignatureDoesNotMatch");
  expect(await send(stream())).toBe("403 SignatureDoesNotMatch");
  expect(await send(stream(), { ...TYPE, "Content-Length": "5" })).toBe("200");
  expect(await send("hell", { ...TYPE, "Content-Length": "5" })).toBe("400 IncompleteBody");
  expect(await send("hello!", { ...TYPE, "Content-Length": "5" })).toBe("400 IncompleteBody");
});

test("whoever got a file without a socket cannot change what is stored", async () => {
  const { place, url } = await stored(DATA);
  const reader = (await place.api.emulator.fetch(url)).body?.getReader();
  (await reader?.read())?.value?.fill(0);

  expect(await (await fetch(url)).text()).toBe(DATA);
});

test.each([
  ["bytes=0-0", "206 a bytes 0-0/6"],
  ["bytes=2-3", "206 cd bytes 2-3/6"],
  ["bytes=2-", "206 cdef bytes 2-5/6"],
  ["bytes=2-100", "206 cdef bytes 2-5/6"],
  ["bytes=0-", "206 abcdef bytes 0-5/6"],
  ["bytes=-2", "206 ef bytes 4-5/6"],
  ["bytes=-100", "206 abcdef bytes 0-5/6"],
  ["bytes=6-", "416 InvalidRange"],
  ["bytes=7-9", "416 InvalidRange"],
  ["bytes=-0", "416 InvalidRange"],
  ["bytes=3-2", "200 abcdef"],
  ["bytes=0-1,3-4", "200 abcdef"],
  ["bytes=", "200 abcdef"],
  ["bytes=-", "200 abcdef"],
  ["items=0-1", "200 abcdef"],
  ["bytes=a-b", "200 abcdef"],
])("of the six bytes abcdef the range %s gives %s", async (range, expected) => {
  const { url } = await stored("abcdef");
  const response = await fetch(url, { headers: { Range: range } });
  const text = await response.text();
  const found = /<Code>(\w+)/.exec(text)?.[1] ?? [text, response.headers.get("content-range")].join(" ").trim();

  expect(`${response.status} ${found}`).toBe(expected);
  if (response.status !== 416) expect(response.headers.get("content-length")).toBe(String(text.length));
  expect(response.headers.get("accept-ranges")).toBe(response.status === 416 ? null : "bytes");
});

test("an empty file has no range", async () => {
  const { url } = await stored("");

  expect(await outcome(await fetch(url, { headers: { Range: "bytes=0-" } }))).toBe("416 InvalidRange");
  expect(await (await fetch(url)).text()).toBe("");
});

test("with If-Range a part is given of the file as it was, and the whole of one that has changed", async () => {
  const { place, url, etag } = await stored("abcdef");
  const part = async (ifRange: string) => {
    const response = await fetch(url, { headers: { Range: "bytes=3-", "If-Range": ifRange } });
    return `${response.status} ${await response.text()}`;
  };
  const modified = (await fetch(url)).headers.get("last-modified") ?? "";

  expect(etag).toMatch(/^"\w+"$/);
  expect(await part(etag)).toBe("206 def");
  expect(await part(modified)).toBe("206 def");
  expect(await part(`W/${etag}`)).toBe("200 abcdef");
  expect(await part("Thu, 01 Jan 1970 00:00:00 GMT")).toBe("200 abcdef");
  await put(place.url, "ABCDEF");
  expect(await part(etag)).toBe("200 ABCDEF");
});

test("with If-Match only the file as it was is given", async () => {
  const { place, url, etag } = await stored("abcdef");
  const get = async (ifMatch: string) =>
    outcome(await fetch(url, { headers: { Range: "bytes=3-", "If-Match": ifMatch } }));

  expect(await get(etag)).toBe("206");
  expect(await get(`"x", ${etag}`)).toBe("206");
  expect(await get("*")).toBe("206");
  expect(await get(`W/${etag}`)).toBe("412 PreconditionFailed");
  await put(place.url, "ABCDEF");
  expect(await get(etag)).toBe("412 PreconditionFailed");
});

test("HEAD tells of a file what GET does, without the file", async () => {
  const { url, etag } = await stored("abcdef");
  const response = await fetch(url, { method: "HEAD" });

  expect([response.status, await response.text(), response.headers.get("etag")]).toEqual([200, "", etag]);
  expect(response.headers.get("content-length")).toBe("6");
});

test("a log of requests holds no signature", async () => {
  const { place } = await stored(DATA);

  expect(JSON.stringify(place.api.emulator.requests)).not.toMatch(/X-Amz|signature/i);
});

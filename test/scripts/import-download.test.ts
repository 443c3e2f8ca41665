import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { download } from "../../scripts/import/download.ts";
import { readSource } from "../../scripts/import/source.ts";

afterEach(() => vi.unstubAllEnvs());

/** The address of a server that goes away with the test. */
async function serving(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on a port
}

async function refusal(address: string, timeoutMs?: number): Promise<string> {
  return download(address, timeoutMs).then(
    () => "not refused",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

test("an address is read, and named without its query, which may hold a secret", async () => {
  const origin = await serving((_, response) => response.end("openapi: 3.1.0"));

  const { file, bytes } = await readSource(`${origin}/v2.yaml?token=secret`);

  expect(file).toBe(`${origin}/v2.yaml`);
  expect(Buffer.from(bytes).toString()).toBe("openapi: 3.1.0");
});

test("no key is ever sent", async () => {
  vi.stubEnv("BROWSER_USE_API_KEY", "bu_secret");
  let sent = "";
  const origin = await serving((request, response) => {
    sent = `${request.url} ${JSON.stringify(request.headers)}`;
    response.end("a: 1");
  });

  await download(`${origin}/v2.yaml`);

  expect(sent).not.toMatch(/bu_secret|authorization|api-key|cookie/i);
});

test("redirects are followed, but a circle has an end", async () => {
  const origin = await serving((request, response) => {
    if (request.url === "/end") response.end("a: 1");
    else response.writeHead(302, { location: request.url === "/start" ? "/end" : "/circle" }).end();
  });

  expect(Buffer.from((await download(`${origin}/start`)).bytes).toString()).toBe("a: 1");
  expect(await refusal(`${origin}/circle`)).toBe(`${origin}/circle: redirects more than 5 times`);
});

test.each([
  [
    "http://elsewhere.test/v2.yaml",
    "http://elsewhere.test/v2.yaml: is not read: only https is, and http on this machine",
  ],
  ["file:///etc/hosts", "file:///etc/hosts: is not read: only https is, and http on this machine"],
  ["https://user:secret@elsewhere.test/v2", "https://elsewhere.test/v2: holds a password; give the address without it"],
])("%s is not asked", async (address, message) => {
  expect(await refusal(address)).toBe(message);
});

test("a redirect to plain http elsewhere is not followed", async () => {
  const origin = await serving((_, response) => response.writeHead(302, { location: "http://elsewhere.test/" }).end());

  expect(await refusal(origin)).toBe("http://elsewhere.test/: is not read: only https is, and http on this machine");
});

test("an answer that is no success is refused", async () => {
  const origin = await serving((_, response) => response.writeHead(404).end("openapi: 3.1.0"));

  expect(await refusal(`${origin}/v2.yaml`)).toBe(`${origin}/v2.yaml: answers 404; is the address right?`);
});

test("an answer without end is cut off at the limit, also when it is packed small", async () => {
  const endless = await serving((_, response) => {
    const more = (): boolean => response.write(Buffer.alloc(1_000_000, "a")) || !response.once("drain", more);
    for (let full = false; !full; ) full = !more();
  });
  const packed = await serving((_, response) =>
    response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(20_000_000, "a"))),
  );

  expect(await refusal(endless)).toBe(`${endless}/: has more than 16 MB, which is the limit`);
  expect(await refusal(packed)).toBe(`${packed}/: has more than 16 MB, which is the limit`);
});

test("an answer that never comes, or never ends, is given up", async () => {
  const silent = await serving(() => undefined);
  const slow = await serving((_, response) => void response.write("a"));

  expect(await refusal(silent, 200)).toBe(`${silent}/: cannot be downloaded (it takes too long)`);
  expect(await refusal(slow, 200)).toBe(`${slow}/: cannot be downloaded (it takes too long)`);
});

test("a server that is not there is told", async () => {
  expect(await refusal("http://127.0.0.1:1/v2.yaml")).toMatch(
    /^http:\/\/127\.0\.0\.1:1\/v2\.yaml: cannot be downloaded \(.+\)$/,
  );
});

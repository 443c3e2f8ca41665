import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const MIB = 1024 * 1024;
const BIG_MIB = 512;

function* mebibytes(count: number): Generator<Buffer, void, undefined> {
  const one = Buffer.alloc(MIB, "0123456789abcdef");
  for (let i = 0; i < count; i++) yield one;
}

async function startStore(): Promise<string> {
  const server = createServer(({ url }, response) => {
    const count = url === "/big" ? BIG_MIB : 1;
    response.writeHead(200, { "Content-Length": count * MIB });
    Readable.from(mebibytes(count)).pipe(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  return `http://127.0.0.1:${address.port}`;
}

test("Memory stays flat, however large the file is that is saved", { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "save-memory-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const script = join(import.meta.dirname, "saver.ts");
  const args = ["--import", import.meta.resolve("tsx"), script, await startStore(), join(folder, "file")];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { sizeBytes, grownMib } = JSON.parse(stdout) as { sizeBytes: number; grownMib: number };
  expect(sizeBytes).toBe(BIG_MIB * MIB);
  expect(grownMib).toBeLessThan(200);
});

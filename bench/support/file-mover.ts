/** A process that moves files in one way, once, and says how long that took and how much memory it needed for it. */
import { createReadStream, createWriteStream, openAsBlob } from "node:fs";
import { stat } from "node:fs/promises";
import { request } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { setTimeout as sleep } from "node:timers/promises";
import { BrowserUse } from "../../src/index.ts";
import { fileFromPath, saveFile } from "../../src/node.ts";
import { member } from "./crew.ts";
import type { VendorModule } from "./vendor.ts";

/** What is moved, and by whom. */
export type WayOfMoving = keyof ReturnType<typeof waysOf>;

/** What a process of this program is told at its start. */
export interface MoverOrder {
  readonly way: WayOfMoving;
  /** Of the file store. */
  readonly url: string;
  /** Where the vendor's module is; undefined where it is not installed. */
  readonly vendorUrl: string | undefined;
}

/** What it is told to do. */
export interface MoverTask {
  /** The file that is sent, or where the one that is received goes. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Of that size each. */
  readonly files: number;
}

export interface MoverAnswer {
  readonly tookMs: number;
  /** The most that the process had at any time, over what it had before. */
  readonly grewBytes: number;
}

const ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
const KEY = "bu_a-key-of-usual-length-0123456789";
const PARALLEL = 4;
const REST_MS = 500;

await member(async ({ way, url, vendorUrl }: MoverOrder) => {
  const move = waysOf(url, vendorUrl)[way];
  return async (task: MoverTask): Promise<MoverAnswer> => {
    globalThis.gc?.();
    await sleep(REST_MS);
    const before = process.memoryUsage.rss();
    const begun = performance.now();
    await move(task);
    const tookMs = performance.now() - begun;
    return { tookMs, grewBytes: process.resourceUsage().maxRSS * 1024 - before };
  };
});

function waysOf(url: string, vendorUrl: string | undefined) {
  const client = new BrowserUse({ apiKey: KEY, baseUrl: `${url}/api` });
  return {
    "put: ours": async ({ path }: MoverTask) => {
      await client.workspaces.upload(ID, await fileFromPath(path));
    },
    "put: node:http": ({ path }: MoverTask) => putByHttp(`${url}/store/file`, path),
    "put: fetch": async ({ path }: MoverTask) => {
      // Without `redirect`, fetch would keep all of it in memory.
      const put = { method: "PUT", body: await openAsBlob(path), redirect: "error" } as const;
      const { ok } = await fetch(`${url}/store/file`, put);
      if (!ok) throw new Error("The file store has refused a PUT.");
    },
    "put: vendor": async ({ path }: MoverTask) => {
      const { BrowserUse: Vendor } = (await import(vendorUrl ?? "")) as VendorModule;
      await new Vendor({ apiKey: KEY, baseUrl: `${url}/api/v3` }).workspaces.upload(ID, path);
    },
    "post: ours": async ({ files, sizeBytes }: MoverTask) => {
      const data = new Blob([new Uint8Array(sizeBytes)]);
      const all = Array.from({ length: files }, (_, index) => ({ name: `report-${index}.pdf`, data }));
      await client.files.upload({ sessionId: ID }, all);
    },
    "post: fetch": (task: MoverTask) => postByFetch(url, task),
    "get: ours": async ({ path, sizeBytes }: MoverTask) => {
      await saveFile(client.workspaces.download(ID, `file-${sizeBytes}`), path);
    },
    "get: fetch": ({ path, sizeBytes }: MoverTask) => getByFetch(`${url}/store/file-${sizeBytes}`, path, false),
    "get: fetch, and to the disk": ({ path, sizeBytes }: MoverTask) =>
      getByFetch(`${url}/store/file-${sizeBytes}`, path, true),
  };
}

async function putByHttp(url: string, path: string): Promise<void> {
  const { size } = await stat(path);
  const { promise, resolve, reject } = withResolvers<number | undefined>();
  const put = request(url, { method: "PUT", headers: { "Content-Length": size } }, (response) => {
    response.resume().once("end", () => resolve(response.statusCode));
  });
  put.once("error", reject);
  await pipeline(createReadStream(path), put);
  if ((await promise) !== 200) throw new Error("The file store has refused a PUT.");
}

/** The same forms, which are there already, as many at once. */
async function postByFetch(url: string, { files, sizeBytes }: MoverTask): Promise<void> {
  const file = new Blob([new Uint8Array(sizeBytes)], { type: "application/pdf" });
  const answer = await fetch(`${url}/api/presigned-url`, { method: "POST", body: '{"fileName":"report.pdf"}' });
  const { fields } = (await answer.json()) as { fields: Record<string, string> };
  const queue = Array.from({ length: files }, (_, index) => `report-${index}.pdf`);
  const worker = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const form = new FormData();
      for (const [field, value] of Object.entries(fields)) form.append(field, value);
      form.append("file", file, name);
      const response = await fetch(`${url}/store/form`, { method: "POST", body: form });
      await response.arrayBuffer();
      if (!response.ok) throw new Error("The file store has refused a form.");
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

/** `flush`: until the bytes are on the disk, as ours waits. */
async function getByFetch(url: string, path: string, flush: boolean): Promise<void> {
  const { body } = await fetch(url);
  // The DOM's streams are Node's.
  await pipeline(Readable.fromWeb(body as ReadableStream), createWriteStream(path, { flush }));
}

function withResolvers<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    [resolve, reject] = [yes, no];
  });
  return { promise, resolve, reject };
}

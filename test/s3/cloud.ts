import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { inject, onTestFinished, test } from "vitest";
import type { Schema } from "../../src/emulator/operations.ts";
import { BrowserUse } from "../../src/index.ts";
import { API_KEY } from "../support/clients.ts";
import { v2Task } from "../support/views.ts";
import { type SignedFile, type SignedForm, Store } from "./store.ts";
import { startTap, type Tap } from "./tap.ts";

/** Skipped where there is no object store. */
export const s3test = test.skipIf(inject("gateway") === null);

/** How the service signs; a test puts another way in its place to have it sign wrongly. `count`: how often it has signed, from 1. */
export interface Signing {
  form(file: SignedFile, count: number): Promise<SignedForm>;
  putLink(file: SignedFile, count: number): Promise<string>;
  getLink(key: string, count: number): Promise<string>;
}

/** A service with a real object store behind it, and a client of ours. */
export interface Cloud {
  readonly client: BrowserUse;
  readonly store: Store;
  /** Everything that goes to the store by a signed form or link passes here. */
  readonly tap: Tap;
  /** Changed by tests. */
  readonly signing: Signing;
  /** What was signed for, in order: the keys. */
  readonly signed: readonly string[];
  /** A folder of the store that no other test has. */
  readonly folder: string;
}

/** Starts a service that does what the vendor's does about files, and no more. It ends with the test. */
export async function startCloud(): Promise<Cloud> {
  const gateway = inject("gateway");
  if (!gateway) throw new Error("There is no object store.");
  const tap = await startTap(gateway.origin);
  const store = new Store(gateway, tap.origin);
  const service = new Service(store);
  const server = createServer((request, response) => {
    service.answer(request).then(
      (body) => response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(body)),
      (error) => response.writeHead(500).end(JSON.stringify({ detail: String(error) })),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    await once(server.close(), "close");
  });
  const { port } = server.address() as AddressInfo; // it listens on a port, not on a pipe
  const client = new BrowserUse({ apiKey: API_KEY, baseUrl: `http://127.0.0.1:${port}/api` });
  return { client, store, tap, signing: service.signing, signed: service.signed, folder: service.folder };
}

/** The same, with files in its workspace `w1`. */
export async function holding(files: Readonly<Record<string, Uint8Array>>): Promise<Cloud> {
  const cloud = await startCloud();
  const storing = Object.entries(files).map(([path, bytes]) => cloud.store.put(`${cloud.folder}/w1/${path}`, bytes));
  await Promise.all(storing);
  return cloud;
}

interface Asked {
  readonly id: string;
  readonly fileId: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

class Service {
  readonly folder: string = randomUUID();
  readonly signed: string[] = [];
  readonly signing: Signing;
  readonly #store: Store;
  readonly #routes: readonly (readonly [string, RegExp, (asked: Asked) => Promise<object>])[] = [
    ["POST", /^\/v2\/files\/(?:sessions|browsers)\/([^/]+)\/presigned-url$/, (asked) => this.#form(asked)],
    ["GET", /^\/v2\/tasks\/([^/]+)$/, (asked) => this.#task(asked)],
    ["GET", /^\/v2\/files\/tasks\/([^/]+)\/output-files\/([^/]+)$/, (asked) => this.#outputFile(asked)],
    ["POST", /^\/v3\/workspaces\/([^/]+)\/files\/upload$/, (asked) => this.#upload(asked)],
    ["GET", /^\/v3\/workspaces\/([^/]+)\/files$/, (asked) => this.#files(asked)],
  ];

  constructor(store: Store) {
    this.#store = store;
    this.signing = {
      form: (file) => store.form(file),
      putLink: (file) => store.putLink(file),
      getLink: (key) => store.getLink(key),
    };
  }

  async answer(request: IncomingMessage): Promise<object> {
    const { pathname, searchParams: query } = new URL(request.url ?? "/", "http://cloud.test");
    const text = await bodyOf(request);
    for (const [method, pattern, serve] of this.#routes) {
      const match = method === request.method && pattern.exec(pathname.replace(/^\/api/, ""));
      if (!match) continue;
      const [, id = "", fileId = ""] = match.map((part) => part && decodeURIComponent(part));
      return serve({ id, fileId, query, body: text === "" ? undefined : JSON.parse(text) });
    }
    throw new Error(`Nobody expects ${request.method} ${pathname}.`);
  }

  /** Files of equal names are kept apart: each gets a name of its own. */
  async #form({ id, body }: Asked): Promise<Schema<"V2UploadFilePresignedUrlResponse">> {
    const { fileName: asked, contentType: type, sizeBytes } = body as Schema<"V2UploadFileRequest">;
    const fileName = `${randomUUID().slice(0, 8)}-${asked}`;
    const key = `${this.folder}/${id}/${fileName}`;
    const form = await this.signing.form({ key, type, sizeBytes }, this.signed.push(key));
    return { ...form, method: "POST", fileName, expiresIn: 300 };
  }

  async #task({ id }: Asked): Promise<Schema<"V2TaskView">> {
    const { files } = await this.#store.list(`${this.folder}/${id}/`);
    const names = files.map(({ key }) => key.split("/").at(-1) ?? "");
    return v2Task({ id, outputFiles: names.map((fileName) => ({ id: fileName, fileName })) });
  }

  async #outputFile({ id, fileId }: Asked): Promise<Schema<"V2TaskOutputFileResponse">> {
    return { id: fileId, fileName: fileId, downloadUrl: await this.#getLink(`${this.folder}/${id}/${fileId}`) };
  }

  async #upload({ id, query, body }: Asked): Promise<Schema<"V3FileUploadResponse">> {
    const { files } = body as Schema<"V3FileUploadRequest">;
    const root = (query.get("prefix") ?? "uploads").replace(/\/?$/, "/");
    const sign = async ({ name, contentType: type = "application/octet-stream", size }: Schema<"V3FileUploadItem">) => {
      const path = root + name.split("/").at(-1);
      const file = { key: `${this.folder}/${id}/${path}`, type, sizeBytes: size ?? 0 };
      return { name, path, uploadUrl: await this.signing.putLink(file, this.signed.push(file.key)) };
    };
    return { files: await Promise.all(files.map(sign)) };
  }

  async #files({ id, query }: Asked): Promise<Schema<"V3FileListResponse">> {
    const root = `${this.folder}/${id}/`;
    const cursor = query.get("cursor");
    const page = { limit: Number(query.get("limit") ?? 50), ...(cursor !== null && { cursor }) };
    const { files, next } = await this.#store.list(root + (query.get("prefix") ?? ""), page);
    const show = async ({ key, sizeBytes, modifiedAt }: (typeof files)[number]) => ({
      path: key.slice(root.length),
      size: sizeBytes,
      lastModified: modifiedAt.toISOString(),
      url: query.get("includeUrls") === "true" ? await this.#getLink(key) : null,
    });
    return { files: await Promise.all(files.map(show)), hasMore: next !== undefined, nextCursor: next ?? null };
  }

  #getLink(key: string): Promise<string> {
    return this.signing.getLink(key, this.signed.push(key));
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

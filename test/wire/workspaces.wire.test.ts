import nock from "nock";
import { expect, test } from "vitest";
import type { BrowserUse } from "../../src/index.ts";
import { v3View } from "../support/views.ts";
import { KEY, Wire, type WireRequest } from "../support/wire.ts";

const ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
const SESSION = "7b1d7a4e-0000-4000-8000-000000000001";
const WORKSPACE = { id: ID, name: "inbox", createdAt: "2026-03-01T10:00:00Z", updatedAt: "2026-03-01T10:00:00Z" };
const ONE = `/v3/workspaces/${ID}`;
const FILE = { path: "in/a.csv", size: 4, lastModified: "2026-03-01T10:00:00Z", url: null };
const NO_FILES = { files: [], folders: [], hasMore: false, nextCursor: null };

type Exchange = readonly [request: WireRequest, reply: object | undefined, status?: number];

interface Method {
  readonly title: string;
  readonly call: (workspaces: BrowserUse["workspaces"]) => unknown;
  readonly exchanges: readonly Exchange[];
}

async function count(items: AsyncIterable<unknown>): Promise<number> {
  let sum = 0;
  for await (const _ of items) sum += 1;
  return sum;
}

const methods: readonly Method[] = [
  {
    title: "create",
    call: (workspaces) => workspaces.create({ name: "inbox" }),
    exchanges: [[{ operation: "POST /v3/workspaces", body: { name: "inbox" } }, WORKSPACE, 201]],
  },
  {
    title: "create without a name",
    call: (workspaces) => workspaces.create(),
    exchanges: [[{ operation: "POST /v3/workspaces", body: {} }, WORKSPACE, 201]],
  },
  { title: "get", call: (workspaces) => workspaces.get(ID), exchanges: [[{ operation: `GET ${ONE}` }, WORKSPACE]] },
  {
    title: "list",
    call: (workspaces) => count(workspaces.list()),
    exchanges: [
      [
        { operation: "GET /v3/workspaces", query: { pageNumber: "1", pageSize: "100" } },
        { items: [WORKSPACE], totalItems: 2, pageNumber: 1, pageSize: 1 },
      ],
      [
        { operation: "GET /v3/workspaces", query: { pageNumber: "2", pageSize: "100" } },
        { items: [{ ...WORKSPACE, id: "w2" }], totalItems: 2, pageNumber: 2, pageSize: 1 },
      ],
    ],
  },
  {
    title: "update",
    call: (workspaces) => workspaces.update(ID, { name: null }),
    exchanges: [[{ operation: `PATCH ${ONE}`, body: { name: null } }, WORKSPACE]],
  },
  {
    title: "delete",
    call: (workspaces) => workspaces.delete(ID),
    exchanges: [[{ operation: `DELETE ${ONE}` }, undefined, 204]],
  },
  {
    title: "size",
    call: (workspaces) => workspaces.size(ID),
    exchanges: [[{ operation: `GET ${ONE}/size` }, { usedBytes: 0, maxBytes: 10 }]],
  },
  {
    title: "files",
    call: (workspaces) => count(workspaces.files(ID, { prefix: "in/" })),
    exchanges: [
      [
        { operation: `GET ${ONE}/files`, query: { prefix: "in/", limit: "100" } },
        { files: [FILE], folders: [], hasMore: true, nextCursor: "c=1&" },
      ],
      [{ operation: `GET ${ONE}/files`, query: { prefix: "in/", limit: "100", cursor: "c=1&" } }, NO_FILES],
    ],
  },
  {
    title: "files without a prefix",
    call: (workspaces) => count(workspaces.files(ID)),
    exchanges: [[{ operation: `GET ${ONE}/files`, query: { limit: "100" } }, NO_FILES]],
  },
  {
    title: "deleteFile",
    call: (workspaces) => workspaces.deleteFile(ID, "in/a b&c.csv"),
    exchanges: [[{ operation: `DELETE ${ONE}/files`, query: { path: "in/a b&c.csv" } }, undefined, 204]],
  },
  { title: "download, before it is read,", call: (workspaces) => workspaces.download(ID, "in/a.csv"), exchanges: [] },
  {
    title: "download, once it is read,",
    call: (workspaces) =>
      workspaces
        .download(ID, "in/a.csv")
        .bytes()
        .catch(() => {}),
    exchanges: [
      [{ operation: `GET ${ONE}/files`, query: { prefix: "in/a.csv", includeUrls: "true", limit: "100" } }, NO_FILES],
    ],
  },
  {
    title: "downloadAll",
    call: (workspaces) => count(workspaces.downloadAll(ID, { prefix: "in/" })),
    exchanges: [
      [{ operation: `GET ${ONE}/files`, query: { prefix: "in/", includeUrls: "true", limit: "100" } }, NO_FILES],
    ],
  },
];

test.each(methods)("workspaces.$title asks for exactly this", async ({ call, exchanges }) => {
  const wire = new Wire();
  for (const [request, reply, status] of exchanges) wire.on(request.operation, reply, status);
  await call(wire.client().workspaces);
  expect(wire.sent).toEqual(exchanges.map(([request]) => request));
  for (const headers of wire.headers) expect(headers).toMatchObject({ "x-browser-use-api-key": KEY });
});

interface Put {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function fileStore(): { readonly uploadUrl: string; readonly puts: Put[] } {
  const puts: Put[] = [];
  nock("https://bucket.test")
    .put("/in/data.csv")
    .query({ "X-Amz-Signature": "5160" })
    .reply(function (_, body) {
      puts.push({ headers: this.req.headers, body: String(body) });
      return [200];
    });
  return { uploadUrl: "https://bucket.test/in/data.csv?X-Amz-Signature=5160", puts };
}

const SIGN = {
  operation: `POST ${ONE}/files/upload`,
  query: { prefix: "in/" },
  body: { files: [{ name: "data.csv", contentType: "text/csv", size: 4 }] },
};
const DATA = { name: "data.csv", data: new TextEncoder().encode("a,b\n") };

test.each<[string, (client: BrowserUse) => Promise<unknown>, readonly Exchange[]]>([
  ["workspaces.upload", ({ workspaces }) => workspaces.upload(ID, DATA, { prefix: "in" }), []],
  [
    "the upload of a v3 session",
    ({ v3 }) => v3.sessions.attach(SESSION).upload(DATA, { prefix: "in/" }),
    [[{ operation: `GET /v3/sessions/${SESSION}` }, v3View({ id: SESSION, workspaceId: ID })]],
  ],
])("%s asks for a link with the key, and puts the file there without", async (_, call, before) => {
  const { uploadUrl, puts } = fileStore();
  const wire = new Wire();
  for (const [request, reply] of before) wire.on(request.operation, reply);
  wire.on(SIGN.operation, { files: [{ name: "data.csv", path: "in/data.csv", uploadUrl }] });
  expect(await call(wire.client())).toEqual([{ fileName: "in/data.csv", sizeBytes: 4, type: "text/csv" }]);
  expect(wire.sent).toEqual([...before.map(([request]) => request), SIGN]);
  for (const headers of wire.headers) expect(headers).toMatchObject({ "x-browser-use-api-key": KEY });
  expect(puts.map(({ body }) => body)).toEqual(["a,b\n"]);
  expect(puts.map(({ headers }) => Object.keys(headers).sort())).toEqual([["content-type", "host"]]);
  expect(puts.map(({ headers }) => headers["content-type"])).toEqual(["text/csv"]);
});

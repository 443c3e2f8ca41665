import { describe, expect, test } from "vitest";
import { DownloadError, InvalidInputError, NotFoundError, type WorkspaceFile } from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import { delayed, held, type Reply, refusal, type Sent, Service, useFastTime } from "../../support/service.ts";
import { v3View } from "../../support/views.ts";

useFastTime();

const FILES = "GET /v3/workspaces/w1/files";
const SIGN = "POST /v3/workspaces/w1/files/upload";

/** Addresses that are good for 60 s, as the service gives them. */
class Listed extends Service {
  readonly texts: Map<string, string>;
  pageSize = 2;
  #signatures = 0;

  constructor(...paths: string[]) {
    super();
    this.texts = new Map(paths.map((path) => [path, `text of ${path}`]));
    this.on(FILES, (sent) => this.#page(sent));
  }

  get signatures(): number {
    return this.#signatures;
  }

  #page({ query: { prefix = "", cursor = "0", includeUrls } }: Sent): object {
    const all = [...this.texts].filter(([path]) => path.startsWith(prefix)).sort();
    const end = Number(cursor) + this.pageSize;
    const hasMore = end < all.length;
    const files = all.slice(Number(cursor), end).map(([path, text]) => ({
      path,
      size: text.length,
      lastModified: "2026-03-01T10:00:00Z",
      url: includeUrls === "true" ? this.#sign(path, text) : null,
    }));
    return { files, folders: [], hasMore, nextCursor: hasMore ? String(end) : null };
  }

  #sign(path: string, text: string): string {
    const url = new URL(`https://bucket.test/${path}?X-Amz-Signature=${++this.#signatures}`).href;
    const signedAt = performance.now();
    const send = () =>
      performance.now() - signedAt > 60_000
        ? new Response("<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", {
            status: 403,
          })
        : new Response(text, { headers: { "Content-Length": String(text.length), ETag: '"1"' } });
    this.on(`GET ${url}`, send);
    return url;
  }
}

const row = (path: string) => ({
  path,
  size: 1,
  lastModified: "2026-03-01T10:00:00Z",
  url: `https://bucket.test/${path}`,
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe("files", () => {
  test("come over all pages, with their size and the time of their last change", async () => {
    const on = new Listed("a", "b", "c", "d/e", "f");
    const files = await all(on.client().workspaces.files("w1"));
    expect(files.map(({ path }) => path)).toEqual(["a", "b", "c", "d/e", "f"]);
    const raw = { path: "a", size: 9, lastModified: "2026-03-01T10:00:00Z", url: null };
    const expected: WorkspaceFile = { path: "a", sizeBytes: 9, lastModifiedAt: new Date("2026-03-01T10:00:00Z"), raw };
    expect(files[0]).toEqual(expected);
    expect(on.sent.map(({ query }) => query)).toEqual([
      { limit: "100" },
      { limit: "100", cursor: "2" },
      { limit: "100", cursor: "4" },
    ]);
  });

  test("of a prefix are asked for by it, and without addresses", async () => {
    const on = new Listed("a/1", "a/2", "b/1");
    expect(await all(on.client().workspaces.files("w1", { prefix: "a/" }))).toHaveLength(2);
    expect(on.sent.map(({ query }) => query)).toEqual([{ prefix: "a/", limit: "100" }]);
  });

  test("are asked for page by page, as they are read", async () => {
    const on = new Listed("a", "b", "c");
    const files = on.client().workspaces.files("w1");
    expect(on.sent).toHaveLength(0);
    await files.next();
    await files.next();
    expect(on.sent).toHaveLength(1);
    await files.return();
  });

  test.each<[string, object[]]>([
    [
      "a cursor that comes again",
      [
        { hasMore: true, nextCursor: "x" },
        { hasMore: true, nextCursor: "x" },
      ],
    ],
    ["cursors that go in a circle", ["x", "y", "x"].map((nextCursor) => ({ hasMore: true, nextCursor }))],
    [
      "a last page without a cursor",
      [
        { hasMore: true, nextCursor: "x" },
        { hasMore: true, nextCursor: null },
      ],
    ],
    [
      "a last page with a cursor",
      [
        { hasMore: true, nextCursor: "x" },
        { hasMore: false, nextCursor: "y" },
      ],
    ],
  ])("end at %s", async (_, pages) => {
    const file = { path: "a", size: 1, lastModified: "2026-03-01T10:00:00Z", url: null };
    const on = new Service().on(FILES, ...pages.map((page) => ({ files: [file], folders: [], ...page })));
    expect(await all(on.client().workspaces.files("w1"))).toHaveLength(pages.length);
    expect(on.count(FILES)).toBe(pages.length);
  });

  test("of which the service says no time have none", async () => {
    const file = { path: "a", size: 1, lastModified: "soon", url: null };
    const on = new Service().on(FILES, { files: [file], hasMore: false });
    expect(await all(on.client().workspaces.files("w1"))).toMatchObject([{ lastModifiedAt: undefined }]);
  });

  test("of a workspace that does not exist are not found", async () => {
    const on = new Service().on(FILES, refusal(404, "Workspace not found"));
    expect(await rejection(all(on.client().workspaces.files("w1")))).toBeInstanceOf(NotFoundError);
    expect(await rejection(all(on.client().workspaces.downloadAll("w1")))).toBeInstanceOf(NotFoundError);
  });
});

describe("one file", () => {
  test("is read at an address that is asked for when it is read", async () => {
    const on = new Listed("a/report.pdf", "a/report.pdf.bak");
    const file = on.client().workspaces.download("w1", "a/report.pdf");
    expect([file.path, on.sent.length]).toEqual(["a/report.pdf", 0]);
    expect(await file.text()).toBe("text of a/report.pdf");
    expect(on.sent[0]?.query).toEqual({ prefix: "a/report.pdf", includeUrls: "true", limit: "100" });
    expect(on.sent[1]?.headers.has("X-Browser-Use-API-Key")).toBe(false);
  });

  test("is that of its exact path, on whichever page it stands", async () => {
    const on = new Service()
      .on(
        FILES,
        { files: [row("a.bak"), row("a/b")], hasMore: true, nextCursor: "2" },
        { files: [row("a"), row("a.old")], hasMore: false },
      )
      .on("GET https://bucket.test/a", () => new Response("x", { headers: { "Content-Length": "1" } }));
    expect(await on.client().workspaces.download("w1", "a").text()).toBe("x");
  });

  test("can be read again later, at a new address", async () => {
    const on = new Listed("a");
    const file = on.client().workspaces.download("w1", "a");
    await file.text();
    await new Promise((resolve) => setTimeout(resolve, 120_000));
    on.texts.set("a", "another text");
    expect(await file.text()).toBe("another text");
  });

  test("that is not there is a download error of status 404", async () => {
    const error = await rejection(new Listed("ab").client().workspaces.download("w1", "a").bytes());
    expect(error).toBeInstanceOf(DownloadError);
    expect(error).toMatchObject({ code: "download", fileName: "a", status: 404 });
  });

  test("to which the service gives no address is an error", async () => {
    const file = { path: "a", size: 1, lastModified: "2026-03-01T10:00:00Z", url: null };
    const on = new Service().on(FILES, { files: [file], hasMore: false });
    expect(await rejection(on.client().workspaces.download("w1", "a").bytes())).toBeInstanceOf(DownloadError);
  });
});

describe("all files", () => {
  test("are read at the addresses that came with the list", async () => {
    const on = new Listed("a", "b", "c");
    const texts: string[] = [];
    for await (const file of on.client().workspaces.downloadAll("w1")) texts.push(await file.text());
    expect(texts).toEqual(["text of a", "text of b", "text of c"]);
    expect(on.count(FILES)).toBe(2);
    expect(on.sent[0]?.query).toEqual({ includeUrls: "true", limit: "100" });
  });

  test("bring their size, their time and the service's view", async () => {
    const on = new Listed("a/b");
    const [file] = await all(on.client().workspaces.downloadAll("w1", { prefix: "a/" }));
    expect(file).toMatchObject({ path: "a/b", sizeBytes: 11, lastModifiedAt: new Date("2026-03-01T10:00:00Z") });
    expect(file?.raw).toMatchObject({ path: "a/b", size: 11 });
  });

  test("are read at new addresses when those of the list have become too old", async () => {
    const on = new Listed("a", "b", "c", "d");
    on.pageSize = 100;
    const texts: string[] = [];
    for await (const file of on.client().workspaces.downloadAll("w1")) {
      await new Promise((resolve) => setTimeout(resolve, 45_000));
      texts.push(await file.text());
    }
    expect(texts).toHaveLength(4);
    // The first two readings began in time; an address that is known to be old is not even tried.
    expect(on.operations.filter((operation) => operation.startsWith("GET https:"))).toHaveLength(4);
  });

  test("can be listed first and read much later", async () => {
    const on = new Listed("a", "b");
    const files = await all(on.client().workspaces.downloadAll("w1"));
    await new Promise((resolve) => setTimeout(resolve, 120_000));
    expect(await Promise.all(files.map((file) => file.text()))).toEqual(["text of a", "text of b"]);
  });
});

test("A file that is deleted is named by its path", async () => {
  const on = new Service().on("DELETE /v3/workspaces/w1/files", () => new Response(null, { status: 204 }));
  await on.client().workspaces.deleteFile("w1", "a/b c.txt");
  expect(on.sent[0]?.query).toEqual({ path: "a/b c.txt" });
});

test.each<[string, (on: Service) => Promise<unknown> | AsyncGenerator]>([
  ["deleting no file", (on) => on.client().workspaces.deleteFile("w1", "")],
  ["deleting null", (on) => on.client().workspaces.deleteFile("w1", null as unknown as string)],
  ["downloading no file", async (on) => on.client().workspaces.download("w1", "")],
  ["downloading from no workspace", async (on) => on.client().workspaces.download("", "a")],
  ["deleting no workspace", (on) => on.client().workspaces.delete("")],
  ["asking for no workspace", (on) => on.client().workspaces.get("..")],
  ["the size of no workspace", (on) => on.client().workspaces.size("")],
  ["the files of no workspace", (on) => on.client().workspaces.files("")],
  ["all files of no workspace", (on) => on.client().workspaces.downloadAll("")],
  ["a prefix that is no text", (on) => on.client().workspaces.files("w1", { prefix: 5 as unknown as string })],
  ["a filter that nobody reads", (on) => on.client().workspaces.downloadAll("w1", { limit: 5 } as object)],
  ["a name of 101 characters", (on) => on.client().workspaces.create({ name: "a".repeat(101) })],
  ["a field that nobody reads", (on) => on.client().workspaces.update("w1", { title: "a" } as object)],
])("%s is refused before anything is sent", async (_, call) => {
  const on = new Service();
  const called = call(on);
  const promise = Symbol.asyncIterator in called ? called.next() : called;
  expect(await rejection(promise)).toBeInstanceOf(InvalidInputError);
  expect(on.sent).toEqual([]);
});

describe("an upload through a session", () => {
  const FILE = { name: "a.txt", data: new Uint8Array(3) };
  const signing: Reply = {
    files: [{ name: "a.txt", path: "uploads/a.txt", uploadUrl: "https://bucket.test/a" }],
  };
  const service = (workspaceId: string | null) =>
    new Service()
      .on("POST /v3/sessions", v3View({ workspaceId }))
      .on("GET /v3/sessions/s1", v3View({ workspaceId }))
      .on(SIGN, signing)
      .on("PUT https://bucket.test/a", () => new Response(null));

  test("goes into the workspace that the session was opened with", async () => {
    const on = service("w1");
    const session = await on.client().v3.sessions.open({ workspaceId: "w1" });
    expect(await session.upload(FILE)).toEqual([{ fileName: "uploads/a.txt", sizeBytes: 3, type: "text/plain" }]);
    expect(on.operations).toEqual(["POST /v3/sessions", SIGN, "PUT https://bucket.test/a"]);
  });

  test("goes there also when the view does not name it", async () => {
    const on = service(null);
    await (await on.client().v3.sessions.open({ workspaceId: "w1" })).upload(FILE);
    expect(on.count(SIGN)).toBe(1);
  });

  test("asks an attached session once where its files go", async () => {
    const on = service("w1");
    const session = on.client().v3.sessions.attach("s1");
    await session.upload([FILE], { prefix: "in" });
    await session.upload([]);
    await session.upload(FILE);
    expect(on.operations.filter((operation) => operation !== "PUT https://bucket.test/a")).toEqual([
      "GET /v3/sessions/s1",
      SIGN,
      SIGN,
    ]);
    expect(on.sent[1]?.query).toEqual({ prefix: "in/" });
  });

  test.each(["opened", "attached"])("is refused for a session without a workspace that was %s", async (how) => {
    const on = service(null);
    const { sessions } = on.client().v3;
    const session = how === "opened" ? await sessions.open() : sessions.attach("s1");
    const error = await rejection(session.upload(FILE));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect((error as Error).message).toContain("open({ workspaceId })");
    expect(on.count(SIGN)).toBe(0);
  });

  test("holds the session until it is done, so that no pool lends it meanwhile", async () => {
    const on = service("w1");
    const sign = held();
    on.on(SIGN, sign.reply);
    const session = on.client().v3.sessions.attach("s1");
    const uploading = session.upload(FILE);
    await sign.asked;
    expect(session.isTaking).toBe(true);
    sign.give(signing);
    await uploading;
    expect(session.isTaking).toBe(false);
  });

  test("that is aborted while the session is asked for rejects with the caller's reason", async () => {
    const on = service("w1").on("GET /v3/sessions/s1", delayed(10_000, v3View()));
    const control = new AbortController();
    setTimeout(() => control.abort("enough"), 1_000);
    const uploading = on.client().v3.sessions.attach("s1").upload(FILE, { signal: control.signal });
    expect(await rejection(uploading)).toBe("enough");
    expect(on.count(SIGN)).toBe(0);
  });
});

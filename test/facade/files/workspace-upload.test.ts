import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { InvalidInputError, UploadError, type UploadFile, type UploadProgress } from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import {
  abortAfter,
  countedSignal,
  delayed,
  type Reply,
  refusal,
  reset,
  type Sent,
  Service,
  silence,
  useFastTime,
} from "../../support/service.ts";

useFastTime();

const SIGN = "POST /v3/workspaces/w1/files/upload";
const MINUTE_MS = 60_000;

interface Item {
  readonly name: string;
  readonly path: string;
  readonly uploadUrl: string;
}

/** A service with a bucket behind it, which signs whatever it is asked for, and stores whatever it signs. */
class Bucket extends Service {
  readonly stored = new Map<string, { readonly text: string; readonly type: string | null }>();
  /** Changes what the service answers. */
  lie: (items: Item[]) => unknown = (items) => items;
  /** What the file store does first; undefined lets it store. */
  first: (path: string, signature: number) => Reply | undefined = () => undefined;
  #signatures = 0;

  constructor() {
    super();
    this.on(SIGN, ({ body, query }) => {
      const { files } = body as { files: { name: string }[] };
      return {
        files: this.lie(files.map(({ name }) => this.#sign(`${query["prefix"] ?? ""}${name}`, name))) as object,
      };
    });
  }

  get puts(): Sent[] {
    return this.sent.filter(({ operation }) => operation.startsWith("PUT "));
  }

  get signed(): { readonly prefix: string | undefined; readonly names: string[] }[] {
    return this.sent.flatMap(({ operation, query, body }) =>
      operation === SIGN
        ? [{ prefix: query["prefix"], names: (body as { files: Item[] }).files.map(({ name }) => name) }]
        : [],
    );
  }

  #sign(path: string, name: string): Item {
    const signature = ++this.#signatures;
    const uploadUrl = new URL(`https://bucket.test/${path}?X-Amz-Signature=c2ln${signature}`).href;
    this.on(`PUT ${uploadUrl}`, (sent) => this.first(path, signature) ?? this.#store(path, sent));
    return { name, path, uploadUrl };
  }

  async #store(path: string, { request }: Sent): Promise<Reply> {
    this.stored.set(path, { text: await request.text(), type: request.headers.get("Content-Type") });
    return () => new Response(null);
  }
}

const refused = (status: number, code: string, message: string): Reply => {
  const xml = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return () => new Response(xml, { status });
};
const EXPIRED = refused(403, "AccessDenied", "Request has expired");

const file = (name: string, text = name): UploadFile => ({ name, data: new TextEncoder().encode(text) });
const files = (count: number) => Array.from({ length: count }, (_, index) => file(`${index}.txt`));
const upload = (on: Service, ...given: UploadFile[]) => on.client().workspaces.upload("w1", given);

test("A file is signed for with its name, type and size, and put with exactly that type", async () => {
  const on = new Bucket();
  expect(await on.client().workspaces.upload("w1", file("data.csv", "a,b\n"))).toEqual([
    { fileName: "data.csv", sizeBytes: 4, type: "text/csv" },
  ]);
  expect(on.bodies(SIGN)).toEqual([{ files: [{ name: "data.csv", contentType: "text/csv", size: 4 }] }]);
  expect([...on.stored]).toEqual([["data.csv", { text: "a,b\n", type: "text/csv" }]]);
});

test("The key never goes to the file store, nor do the client's own headers", async () => {
  const on = new Bucket();
  await on.client({ headers: { "X-Team": "support" } }).workspaces.upload("w1", file("a.txt"));
  expect(on.puts.map(({ headers }) => [...headers.keys()])).toEqual([["content-type"]]);
});

test("What a task is told is the path that the service gives", async () => {
  const on = new Bucket();
  on.lie = (items) => items.map((item) => ({ ...item, path: `uploads/${item.path}` }));
  expect(await upload(on, file("a.txt"))).toMatchObject([{ fileName: "uploads/a.txt" }]);
});

test.each<[string, UploadFile, string]>([
  ["a File with a type", new File(["abc"], "a.bin", { type: "text/plain;charset=utf-8" }), "text/plain;charset=utf-8"],
  ["a File without one", new File(["abc"], "a.md"), "text/markdown"],
  ["a type of one's own", { name: "a.csv", data: new Blob(["abc"]), type: " Text/X-Own " }, "Text/X-Own"],
  ["an extension that nobody knows", { name: "a.xyz", data: new Blob(["abc"]) }, "application/octet-stream"],
  [
    "an extension that is a property of every object",
    { name: "a.constructor", data: new Blob(["abc"]) },
    "application/octet-stream",
  ],
  ["a folder with a dot, and no extension", { name: "a.csv/b", data: new Blob(["abc"]) }, "application/octet-stream"],
  ["an extension in capitals, in a folder", { name: "a/B.ZIP", data: new Blob(["abc"]) }, "application/zip"],
])("Of %s the type that is signed, sent and returned is the same", async (_, given, type) => {
  const on = new Bucket();
  expect(await upload(on, given)).toMatchObject([{ type, sizeBytes: 3 }]);
  expect(on.bodies(SIGN)).toMatchObject([{ files: [{ contentType: type, size: 3 }] }]);
  expect([...on.stored.values()]).toEqual([{ text: "abc", type }]);
});

const impossible: readonly [string, unknown][] = [
  ["0 bytes", { name: "a.txt", data: new Uint8Array(0) }],
  ["no name", { name: "", data: new Uint8Array(1) }],
  ["a Blob for a file", new Blob(["a"])],
  ["bytes for a file", new Uint8Array(3)],
  ["a path for a file", "/etc/passwd"],
  ["null for a file", null],
  ["text for data", { name: "a.txt", data: "abc" }],
  ["a name that leads up", file("../a.txt")],
  ["a name that leads up on the way", file("a/../../b.txt")],
  ["a name of dots", file("..")],
  ["a name of dots and spaces", file("a/. ./b")],
  ["a name that begins at the root", file("/etc/passwd", "x")],
  ["a name that ends with a slash", file("a/")],
  ["an empty folder in its name", file("a//b.txt")],
  ["a backslash in its name", file("a\\b.txt")],
  ["a line end in its name", file("a\n.txt")],
  ["half a character in its name", file("\ud800.txt")],
  ["256 characters in its name", file("a".repeat(256))],
  ["256 characters after a folder", file(`a/${"a".repeat(256)}`)],
  ["a type that is none", { name: "a.txt", data: new Uint8Array(1), type: "pdf" }],
  ["a line end in its type", { name: "a.txt", data: new Uint8Array(1), type: "text/plain\r\nX-A: b" }],
  ["a type beyond ASCII", { name: "a.txt", data: new Uint8Array(1), type: "text/größe" }],
  ["a type that is no text", { name: "a.txt", data: new Uint8Array(1), type: 5 }],
  ["a type of 256 characters", { name: "a.txt", data: new Uint8Array(1), type: `a/${"b".repeat(254)}` }],
];

test.each(impossible)(
  "A file with %s is refused before anything is sent, and so are those beside it",
  async (_, bad) => {
    const on = new Service();
    expect(await rejection(upload(on, file("good.txt"), bad as UploadFile))).toBeInstanceOf(InvalidInputError);
    const attached = on.client().v3.sessions.attach("s1");
    expect(await rejection(attached.upload([file("good.txt"), bad as UploadFile]))).toBeInstanceOf(InvalidInputError);
    expect(on.sent).toEqual([]);
  },
);

test.each<[string, object]>([
  ["a prefix that leads up", { prefix: "../other" }],
  ["a prefix that begins at the root", { prefix: "/a" }],
  ["two slashes at the end of the prefix", { prefix: "a//" }],
  ["a backslash in the prefix", { prefix: "a\\b" }],
  ["a line end in the prefix", { prefix: "a\nb" }],
  ["a prefix that is no text", { prefix: 5 }],
  ["null for a prefix", { prefix: null }],
  ["an option that nobody reads", { folder: "a" }],
  ["an onProgress that is no function", { onProgress: true }],
  ["a controller for a signal", { signal: new AbortController() }],
])("%s is refused before anything is sent", async (_, options) => {
  const on = new Service();
  expect(await rejection(on.client().workspaces.upload("w1", file("a"), options))).toBeInstanceOf(InvalidInputError);
  expect(on.sent).toEqual([]);
});

test.each(["", "..", "a\nb"])("The workspace %j is refused before anything is sent", async (id) => {
  const on = new Service();
  expect(await rejection(on.client().workspaces.upload(id, file("a")))).toBeInstanceOf(InvalidInputError);
});

test("No files at all ask nothing", async () => {
  expect(await upload(new Service())).toEqual([]);
});

describe("many files", () => {
  test("are signed for ten at a time, and stored each under its own name, in the order given", async () => {
    const on = new Bucket();
    const uploaded = await upload(on, ...files(23));
    expect(on.signed.map(({ names }) => names.length)).toEqual([10, 10, 3]);
    expect(uploaded.map(({ fileName }) => fileName)).toEqual(files(23).map(({ name }) => name));
    expect([...on.stored].every(([path, { text }]) => path === text)).toBe(true);
    expect(on.stored.size).toBe(23);
  });

  test("travel four at a time", async () => {
    const on = new Bucket();
    let travelling = 0;
    let most = 0;
    on.first = () => {
      most = Math.max(most, ++travelling);
      return delayed(1_000, () => {
        travelling -= 1;
        return () => new Response(null);
      });
    };
    await upload(on, ...files(12));
    expect(most).toBe(4);
  });

  test("are signed for when their turn comes, so that no signature is old when it is used", async () => {
    const on = new Bucket();
    const signedAt = new Map<number, number>();
    on.lie = (items) => {
      for (const { uploadUrl } of items) signedAt.set(Number(uploadUrl.split("c2ln")[1]), performance.now());
      return items;
    };
    let oldest = 0;
    on.first = (_, signature) => {
      oldest = Math.max(oldest, performance.now() - (signedAt.get(signature) ?? 0));
      return delayed(0.9 * MINUTE_MS, () => () => new Response(null));
    };
    expect(await upload(on, ...files(60))).toHaveLength(60);
    expect(oldest).toBeLessThan(4 * MINUTE_MS);
    expect(on.signed).toHaveLength(6);
  });

  test("whose signature has become old while others were sent are signed for once more", async () => {
    const on = new Bucket();
    on.first = (path) => (path === "9.txt" ? undefined : delayed(4.5 * MINUTE_MS, () => () => new Response(null)));
    const slow = Array.from({ length: 10 }, (_, index) => ({
      name: `${index}.txt`,
      data: new Uint8Array(20 * 1024 * 1024),
    }));
    expect(await upload(on, ...slow)).toHaveLength(10);
    expect(on.signed.map(({ names }) => names.length)).toEqual([10, 1, 1, 1, 1, 1, 1]);
    expect(on.puts).toHaveLength(10);
  });

  test("with folders in their names go into these folders, below the prefix", async () => {
    const on = new Bucket();
    const given = [
      file("report.pdf", "1"),
      file("a/report.pdf", "2"),
      file("b/report.pdf", "3"),
      file("a/c/report.pdf", "4"),
    ];
    const uploaded = await on.client().workspaces.upload("w1", given, { prefix: "in/2026" });
    const paths = ["in/2026/report.pdf", "in/2026/a/report.pdf", "in/2026/b/report.pdf", "in/2026/a/c/report.pdf"];
    expect(uploaded.map(({ fileName }) => fileName)).toEqual(paths);
    expect(paths.map((path) => on.stored.get(path)?.text)).toEqual(["1", "2", "3", "4"]);
    expect(on.signed).toEqual([
      { prefix: "in/2026/", names: ["report.pdf"] },
      { prefix: "in/2026/a/", names: ["report.pdf"] },
      { prefix: "in/2026/b/", names: ["report.pdf"] },
      { prefix: "in/2026/a/c/", names: ["report.pdf"] },
    ]);
  });

  test("of folders that take turns are signed for together all the same", async () => {
    const on = new Bucket();
    const given = Array.from({ length: 20 }, (_, index) => file(`${"ab"[index % 2]}/${index}.txt`));
    const uploaded = await upload(on, ...given);
    expect(uploaded.map(({ fileName }) => fileName)).toEqual(given.map(({ name }) => name));
    expect(on.signed.map(({ prefix, names }) => [prefix, names.length])).toEqual([
      ["a/", 10],
      ["b/", 10],
    ]);
  });
});

describe("equal names", () => {
  const long = `${"ä".repeat(251)}.txt`;

  test.each<[string, string[], string[]]>([
    ["are told apart, in their order", ["r.pdf", "r.pdf", "r.pdf"], ["r.pdf", "r-2.pdf", "r-3.pdf"]],
    [
      "never take the name of another",
      ["r.pdf", "r.pdf", "r-2.pdf", "r.pdf"],
      ["r.pdf", "r-3.pdf", "r-2.pdf", "r-4.pdf"],
    ],
    ["never take a name that was just given", ["a", "a", "a-2", "a-2"], ["a", "a-3", "a-2", "a-2-2"]],
    ["are told apart within their folder", ["a/r.pdf", "r.pdf", "a/r.pdf"], ["a/r.pdf", "r.pdf", "a/r-2.pdf"]],
    ["need no extension", ["a.b/c", "a.b/c", ".env", ".env"], ["a.b/c", "a.b/c-2", ".env", ".env-2"]],
    ["may be as long as a name may be", [long, long], [long, `${"ä".repeat(249)}-2.txt`]],
    [
      "may end in what is no extension",
      [`a.${"b".repeat(253)}`, `a.${"b".repeat(253)}`],
      [`a.${"b".repeat(253)}`, `a.${"b".repeat(251)}-2`],
    ],
  ])("%s", async (_, given, expected) => {
    const on = new Bucket();
    const uploaded = await upload(on, ...given.map((name, index) => file(name, String(index))));
    expect(uploaded.map(({ fileName }) => fileName)).toEqual(expected);
    expect(expected.map((path) => on.stored.get(path)?.text)).toEqual(given.map((_, index) => String(index)));
  });

  test("cost no more when there are thousands", async () => {
    const on = new Bucket();
    const uploaded = await upload(on, ...Array.from({ length: 3_000 }, () => file("a")));
    expect(new Set(uploaded.map(({ fileName }) => fileName)).size).toBe(3_000);
  });
});

describe("a service that answers wrongly", () => {
  test.each<[string, (items: Item[]) => unknown]>([
    ["too few files", (items) => items.slice(1)],
    ["too many files", (items) => [...items, { ...items[0], name: "other" }]],
    ["the same file twice", ([a, b, c]) => [a, b, c, c]],
    ["a name that nobody asked for", ([a, b, c]) => [a, b, { ...c, name: "x.txt" }]],
    ["one path for two files", ([a, b, c]) => [a, b, { ...c, path: b?.path }]],
    ["one address for two files", ([a, b, c]) => [a, b, { ...c, uploadUrl: b?.uploadUrl }]],
    ["no path", ([a, b, c]) => [a, b, { ...c, path: undefined }]],
    ["an empty path", ([a, b, c]) => [a, b, { ...c, path: "" }]],
    ["no address", ([a, b, c]) => [a, b, { ...c, uploadUrl: null }]],
    ["an address in the clear", ([a, b, c]) => [a, b, { ...c, uploadUrl: "http://bucket.test/a" }]],
    ["an address that is none", ([a, b, c]) => [a, b, { ...c, uploadUrl: "bucket" }]],
    ["nothing for a file", ([a, b]) => [a, b, null]],
    ["an object for a list", () => ({})],
    ["a text for a list", () => "abc"],
  ])("with %s is an error before a byte is sent", async (_, lie) => {
    const on = new Bucket();
    on.lie = lie;
    const error = await rejection(upload(on, ...files(3)));
    expect(error).toBeInstanceOf(UploadError);
    expect(error).toMatchObject({ code: "upload", uploaded: [] });
    expect(on.puts).toEqual([]);
  });

  test("with its answers in another order is understood", async () => {
    const on = new Bucket();
    on.lie = (items) => items.reverse();
    await upload(on, ...files(9));
    expect([...on.stored].every(([path, { text }]) => path === text)).toBe(true);
  });

  test("that forgets the folder stores no file over another", async () => {
    const on = new Bucket();
    on.lie = (items) => items.map((item) => ({ ...item, path: item.name }));
    const error = await rejection(upload(on, file("a/r.pdf", "1"), file("b/r.pdf", "2")));
    expect(error).toMatchObject({ code: "upload", fileName: "b/r.pdf", uploaded: [{ fileName: "r.pdf" }] });
    expect((error as Error).message).toContain("a/r.pdf");
    expect(on.puts).toHaveLength(1);
  });

  test("that gives another file's path when it signs again stores nothing there", async () => {
    const on = new Bucket();
    on.first = (path, signature) => (path === "0.txt" && signature === 1 ? EXPIRED : undefined);
    on.lie = (items) => (items.length > 1 ? items : items.map((item) => ({ ...item, path: "1.txt" })));
    expect(await rejection(upload(on, ...files(2)))).toMatchObject({
      fileName: "0.txt",
      uploaded: [{ fileName: "1.txt" }],
    });
    expect(on.stored.get("1.txt")?.text).toBe("1.txt");
  });

  test("with no list at all is an error", async () => {
    const on = new Service().on(SIGN, {});
    expect(await rejection(upload(on, file("a")))).toMatchObject({ code: "api_error" });
  });
});

describe("a signature that has expired", () => {
  test("is asked for once more, for its file alone", async () => {
    const on = new Bucket();
    on.first = (path, signature) => (path === "1.txt" && signature === 2 ? EXPIRED : undefined);
    expect(await upload(on, ...files(3))).toHaveLength(3);
    expect(on.signed.map(({ names }) => names)).toEqual([["0.txt", "1.txt", "2.txt"], ["1.txt"]]);
    expect(on.stored.get("1.txt")?.text).toBe("1.txt");
  });

  test("is asked for once more only", async () => {
    const on = new Bucket();
    on.first = () => EXPIRED;
    expect(await rejection(upload(on, file("a")))).toMatchObject({
      code: "upload",
      status: 403,
      storeCode: "AccessDenied",
    });
    expect(on.count(SIGN)).toBe(2);
  });

  test("is recognised by the clock when the store does not say so", async () => {
    const on = new Bucket();
    const slow = { name: "a", data: new Uint8Array(30 * 1024 * 1024) };
    on.first = (_, signature) =>
      signature === 1 ? delayed(5 * MINUTE_MS + 1, refused(403, "AccessDenied", "Access Denied")) : undefined;
    expect(await upload(on, slow)).toHaveLength(1);
    expect(on.count(SIGN)).toBe(2);
  });

  test("is recognised by the clock when all that comes back is a broken connection", async () => {
    const on = new Bucket();
    const slow = { name: "a", data: new Uint8Array(30 * 1024 * 1024) };
    on.first = (_, signature) => (signature === 1 ? delayed(2 * MINUTE_MS, reset()) : undefined);
    expect(await upload(on, slow)).toHaveLength(1);
    expect(on.count(SIGN)).toBe(2);
  });

  test("is not made up for any other refusal", async () => {
    const on = new Bucket();
    on.first = () => refused(403, "SignatureDoesNotMatch", "no");
    expect(await rejection(upload(on, file("expired.txt")))).toMatchObject({ status: 403 });
    expect(on.count(SIGN)).toBe(1);
  });
});

describe("faults", () => {
  test.each<[string, Reply]>([
    ["a broken connection", reset()],
    ["a 500", refused(500, "InternalError", "try again")],
    ["a 503", refused(503, "SlowDown", "slow down")],
  ])("A file is put again after %s, with its bytes", async (_, fault) => {
    const on = new Bucket();
    let tries = 0;
    on.first = () => (tries++ === 0 ? fault : undefined);
    expect(await upload(on, file("a", "abc"))).toHaveLength(1);
    expect(on.stored.get("a")?.text).toBe("abc");
    expect(on.count(SIGN)).toBe(1);
  });

  test("of one file leave the others alone, and those that were stored are on the error", async () => {
    const on = new Bucket();
    on.first = (path) => (path === "3.txt" ? refused(400, "EntityTooLarge", "too large") : undefined);
    const error = await rejection(upload(on, ...files(9)));
    expect(error).toMatchObject({ code: "upload", fileName: "3.txt", status: 400, storeCode: "EntityTooLarge" });
    const kept = files(9).flatMap(({ name }) => (name === "3.txt" ? [] : [name]));
    expect((error as UploadError<{ fileName: string }>).uploaded.map(({ fileName }) => fileName)).toEqual(kept);
  });

  test("of a file that has changed are told at once: reading it again would not help", async () => {
    const on = new Bucket();
    on.first = () => {
      const cause = new DOMException("The blob could not be read", "NotReadableError");
      return new TypeError("fetch failed", { cause });
    };
    const error = await rejection(upload(on, file("a")));
    expect(error).toMatchObject({ code: "upload", fileName: "a" });
    expect((error as Error).message).toMatch(/has changed/);
    expect(on.puts).toHaveLength(1);
  });

  test("of a file that has another size afterwards are told: what was stored is not what was checked", async () => {
    const on = new Bucket();
    const data = new Blob(["abc"]);
    on.first = () => {
      Object.defineProperty(data, "size", { value: 5 });
      return undefined;
    };
    expect(await rejection(upload(on, { name: "a", data }))).toMatchObject({ code: "upload", fileName: "a" });
  });

  test("of the service end the upload: it is not asked again for each of the files that are left", async () => {
    const on = new Bucket();
    on.lie = (items) => {
      if (items[0]?.name === "0.txt") return items;
      return "no list";
    };
    const error = await rejection(upload(on, ...files(200)));
    expect(error).toMatchObject({ code: "upload", fileName: "10.txt" });
    expect((error as UploadError).uploaded).toHaveLength(10);
    expect(on.count(SIGN)).toBe(2);
  });

  test("A workspace that does not exist is not found", async () => {
    const on = new Service().on(SIGN, refusal(404, "Workspace not found"));
    expect(await rejection(upload(on, ...files(99)))).toMatchObject({ code: "not_found" });
    expect(on.count(SIGN)).toBe(1);
  });

  test("A store that never answers is given up in time", async () => {
    const on = new Bucket();
    on.first = () => silence;
    const begun = performance.now();
    expect(await rejection(upload(on, file("a")))).toMatchObject({ code: "upload", cause: { code: "timeout" } });
    expect(performance.now() - begun).toBeLessThan(4 * MINUTE_MS);
  });

  test("A file of any size has a time limit that a timer can hold", async () => {
    const on = new Bucket();
    const data = new Blob(["abc"]);
    Object.defineProperty(data, "size", { value: Number.MAX_SAFE_INTEGER });
    on.first = () => delayed(1_000, () => new Response(null));
    expect(await upload(on, { name: "a", data })).toHaveLength(1);
  });

  test("Nothing that is signed shows in an error", async () => {
    const url = "https://bucket.test/a?X-Amz-Signature=c2ln1";
    const faults: Reply[] = [
      refused(403, "AccessDenied", `see ${url}`),
      reset(),
      new TypeError(`request to ${url} failed`),
      () => new Response(null, { status: 302, headers: { Location: url } }),
    ];
    for (const fault of faults) {
      const on = new Bucket();
      on.first = () => fault;
      const error = await rejection(upload(on, file("a")));
      expect(error).toMatchObject({ code: "upload" });
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("c2ln");
    }
    const on = new Bucket();
    on.lie = ([item]) => [{ ...item, path: "" }];
    expect(inspect(await rejection(upload(on, file("a"))), { depth: 20, showHidden: true })).not.toContain("c2ln");
  });
});

describe("aborting", () => {
  test("before it began sends nothing", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    expect(await rejection(new Service().client().workspaces.upload("w1", file("a"), { signal }))).toBe(signal.reason);
  });

  test("while it is signed rejects at once with the caller's reason", async () => {
    const { signal, reason } = abortAfter(2_000);
    const on = new Service().on(SIGN, silence);
    const begun = performance.now();
    expect(await rejection(on.client().workspaces.upload("w1", files(30), { signal }))).toBe(reason);
    expect(performance.now() - begun).toBe(2_000);
    expect(on.sent).toHaveLength(1);
  });

  test("while files travel rejects at once with the caller's reason, and sends no more", async () => {
    const { signal, reason } = abortAfter(2_000);
    const on = new Bucket();
    on.first = () => silence;
    const begun = performance.now();
    expect(await rejection(on.client().workspaces.upload("w1", files(30), { signal }))).toBe(reason);
    expect(performance.now() - begun).toBe(2_000);
    expect(on.puts).toHaveLength(4);
  });

  test("leaves nobody listening to the caller's signal", async () => {
    const { control, listeners } = countedSignal();
    const on = new Bucket();
    await on.client().workspaces.upload("w1", files(12), { signal: control.signal });
    on.lie = () => "no list";
    await rejection(on.client().workspaces.upload("w1", files(12), { signal: control.signal }));
    expect(listeners()).toBe(0);
  });
});

describe("progress", () => {
  const watched = async (on: Service, given: UploadFile[]) => {
    const told: UploadProgress[] = [];
    await on.client().workspaces.upload("w1", given, { onProgress: (progress) => told.push(progress) });
    return told;
  };

  test("ends with all bytes of all files, and never goes beyond", async () => {
    const told = await watched(new Bucket(), [file("a", "abc"), file("b", "ab"), file("c", "a")]);
    expect(told.at(-1)).toEqual({ sentBytes: 6, totalBytes: 6, storedFiles: 3 });
    expect(told.every(({ sentBytes, totalBytes }) => sentBytes >= 0 && sentBytes <= 6 && totalBytes === 6)).toBe(true);
    expect(told.map(({ storedFiles }) => storedFiles)).toEqual(told.map(({ storedFiles }) => storedFiles).sort());
  });

  test("falls back when a file has to be sent again", async () => {
    const on = new Bucket();
    let tries = 0;
    on.first = () =>
      tries++ === 0 ? async ({ request }) => ((await request.arrayBuffer()) ? reset() : reset()) : undefined;
    const told = await watched(on, [{ name: "a", data: new Blob(Array(4).fill(new Uint8Array(1024 * 1024))) }]);
    const sent = told.map(({ sentBytes }) => sentBytes);
    expect(sent.some((bytes, index) => bytes < (sent[index - 1] ?? 0))).toBe(true);
    expect(told.at(-1)).toMatchObject({ sentBytes: 4 * 1024 * 1024, storedFiles: 1 });
  });

  test("whose callback throws ends the upload, with what it throws", async () => {
    const on = new Bucket();
    const reason = new Error("enough");
    const onProgress = ({ storedFiles }: UploadProgress) => {
      if (storedFiles === 5) throw reason;
    };
    expect(await rejection(on.client().workspaces.upload("w1", files(50), { onProgress }))).toBe(reason);
    expect(on.puts.length).toBeLessThan(20);
  });

  test("leaves the caller's Blob as it was", async () => {
    const data = new Blob(["abc"]);
    await watched(new Bucket(), [{ name: "a", data }]);
    expect(Object.keys(Object.getOwnPropertyDescriptors(data))).not.toContain("stream");
    expect(await data.text()).toBe("abc");
  });
});

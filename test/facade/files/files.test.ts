import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { InvalidInputError, type UploadError, type UploadFile, type UploadProgress } from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import {
  abortAfter,
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

const PRESIGN = "POST /v2/files/sessions/s1/presigned-url";
const STORE = "POST https://bucket.test/";
const MIB = 1024 * 1024;

/** What the service signs: the name under which it stores the file is its own. */
function form(fileName: string, changes: object = {}): object {
  return {
    url: "https://bucket.test/",
    method: "POST",
    fields: { key: `uploads/${fileName}`, "Content-Type": "text/csv", policy: "UE9MSUNZ", "x-amz-signature": "5160" },
    fileName: `stored-${fileName}`,
    expiresIn: 120,
    ...changes,
  };
}

const signing: Reply = ({ body }) => form((body as { fileName: string }).fileName);
const stored: Reply = () => new Response(null, { status: 204 });
const refused = (status: number, code: string, message: string): Reply => {
  const xml = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message><Key>uploads/a</Key></Error>`;
  return () => new Response(xml, { status });
};

function service(): Service {
  return new Service().on(PRESIGN, signing).on(STORE, stored);
}

const upload = (on: Service, ...files: UploadFile[]) => on.client().files.upload({ sessionId: "s1" }, files);
const CSV = { name: "data.csv", data: new TextEncoder().encode("a,b\n") };

test("A file is stored with every field as it was signed, in that order, and the file last under the service's name", async () => {
  const on = service();
  const entries: [string, FormDataEntryValue][] = [];
  on.on(STORE, async ({ request }: Sent) => {
    entries.push(...(await request.formData()));
    return stored;
  });
  expect(await upload(on, CSV)).toEqual([{ fileName: "stored-data.csv", sizeBytes: 4, type: "text/csv" }]);
  expect(on.bodies(PRESIGN)).toEqual([{ fileName: "data.csv", contentType: "text/csv", sizeBytes: 4 }]);
  expect(entries.slice(0, -1)).toEqual([
    ["key", "uploads/data.csv"],
    ["Content-Type", "text/csv"],
    ["policy", "UE9MSUNZ"],
    ["x-amz-signature", "5160"],
  ]);
  const [field, file] = entries.at(-1) as [string, File];
  expect([field, file.name, await file.text()]).toEqual(["file", "stored-data.csv", "a,b\n"]);
});

test("The key never goes to the file store, nor do the client's own headers", async () => {
  const on = service();
  await on.client({ headers: { "X-Team": "support" } }).files.upload({ sessionId: "s1" }, CSV);
  const [sign, store] = on.sent;
  expect([...(store?.headers.keys() ?? [])]).toEqual(["content-type"]);
  expect(sign?.headers.get("X-Browser-Use-API-Key")).toBe("bu_key");
});

const files: readonly [string, UploadFile, { sizeBytes: number; type: string }][] = [
  ["a File", new File(["abc"], "a.txt", { type: "text/plain;charset=utf-8" }), { sizeBytes: 3, type: "text/plain" }],
  ["a File without a type", new File(["abc"], "a.md"), { sizeBytes: 3, type: "text/markdown" }],
  [
    "a Blob with a type",
    { name: "x", data: new Blob(["ab"], { type: "image/png" }) },
    { sizeBytes: 2, type: "image/png" },
  ],
  ["a Uint8Array", { name: "a.PDF", data: new Uint8Array(5) }, { sizeBytes: 5, type: "application/pdf" }],
  [
    "a part of a Uint8Array",
    { name: "a.pdf", data: new Uint8Array(9).subarray(2, 4) },
    { sizeBytes: 2, type: "application/pdf" },
  ],
  ["a Buffer", { name: "a.b.jpeg", data: Buffer.from("abcd") }, { sizeBytes: 4, type: "image/jpeg" }],
  [
    "an ArrayBuffer",
    { name: "a.xlsx", data: new ArrayBuffer(1) },
    { sizeBytes: 1, type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
  ],
  [
    "a type of one's own",
    { name: "data.bin", data: new Uint8Array(1), type: "TEXT/CSV" },
    { sizeBytes: 1, type: "text/csv" },
  ],
  ["10 MiB", { name: "a.txt", data: new Uint8Array(10 * MIB) }, { sizeBytes: 10 * MIB, type: "text/plain" }],
];

test.each(files)("%s can be uploaded, with its type said or guessed", async (_, file, expected) => {
  const on = service();
  expect(await upload(on, file)).toMatchObject([expected]);
  expect(on.bodies(PRESIGN)).toMatchObject([{ sizeBytes: expected.sizeBytes, contentType: expected.type }]);
});

const impossible: readonly [string, unknown, RegExp?][] = [
  ["0 bytes", { name: "a.txt", data: new Uint8Array(0) }, /^a\.txt has 0 bytes/],
  ["10 MiB and a byte", { name: "a.txt", data: new Uint8Array(10 * MIB + 1) }, /^a\.txt: sizeBytes .*10485760/],
  [
    "a type that the service refuses",
    { name: "a.zip", data: new Uint8Array(1), type: "application/zip" },
    /application\/zip is refused/,
  ],
  ["an extension that nobody knows", { name: "a.xyz", data: new Uint8Array(1) }, /type is unknown/],
  ["an extension that is a property of every object", { name: "a.constructor", data: new Uint8Array(1) }],
  ["no extension", { name: "README", data: new Uint8Array(1) }],
  ["no name", { name: "", data: new Uint8Array(1), type: "text/csv" }],
  ["a Blob without a name", new Blob(["a"], { type: "text/csv" })],
  ["a slash in its name", { name: "../a.txt", data: new Uint8Array(1) }],
  ["a backslash in its name", { name: "a\\b.txt", data: new Uint8Array(1) }],
  ["a line end in its name", { name: "a\n.txt", data: new Uint8Array(1) }],
  ["half a character in its name", { name: "\ud800.txt", data: new Uint8Array(1) }],
  ["256 characters in its name", { name: `${"a".repeat(252)}.txt`, data: new Uint8Array(1) }],
  ["text for data", { name: "a.txt", data: "abc" }],
  ["no data", { name: "a.txt" }],
  ["a path for a file", "/etc/passwd"],
  ["null", null],
];

test.each(impossible)(
  "A file with %s is refused before anything is sent, and so are those beside it",
  async (_, file, why = /./) => {
    const on = new Service();
    const error = await rejection(upload(on, CSV, file as UploadFile));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect((error as Error).message).toMatch(why);
    expect(on.sent).toEqual([]);
  },
);

test.each<[string, object]>([
  ["no target", {}],
  ["an empty session", { sessionId: "" }],
  ["a session that changes the path", { sessionId: ".." }],
  ["two targets", { sessionId: "s1", browserId: "b1" }],
  ["null for a target", null as unknown as object],
])("An upload to %s is refused before anything is sent", async (_, target) => {
  const on = new Service();
  expect(await rejection(on.client().files.upload(target as { sessionId: string }, CSV))).toBeInstanceOf(
    InvalidInputError,
  );
});

test("An option that nobody reads is refused before anything is sent", async () => {
  const on = new Service();
  const uploading = on.client().files.upload({ sessionId: "s1" }, CSV, { timeoutMs: 5 } as object);
  expect(await rejection(uploading)).toBeInstanceOf(InvalidInputError);
});

test("No files at all ask nothing", async () => {
  expect(await upload(new Service())).toEqual([]);
});

describe("several files", () => {
  const many = Array.from({ length: 9 }, (_, index) => ({ name: `${index}.csv`, data: new Uint8Array(index + 1) }));

  test("are returned in the order given, whatever order they arrive in, and four travel at a time", async () => {
    let travelling = 0;
    let most = 0;
    let delayMs = 1_000;
    const on = service().on(STORE, () => {
      most = Math.max(most, ++travelling);
      delayMs -= 100;
      return delayed(delayMs, () => {
        travelling--;
        return stored;
      });
    });
    const uploaded = await upload(on, ...many);
    expect(uploaded.map(({ fileName }) => fileName)).toEqual(many.map(({ name }) => `stored-${name}`));
    expect(most).toBe(4);
  });

  test("are all tried, and those that were stored are on the error of one that was refused", async () => {
    const on = service().on(STORE, async ({ request }: Sent) => {
      const name = (await request.formData()).get("key");
      return name === "uploads/3.csv" ? refused(403, "AccessDenied", "no") : stored;
    });
    const error = await rejection(upload(on, ...many));
    expect(error).toMatchObject({ code: "upload", fileName: "3.csv", status: 403, storeCode: "AccessDenied" });
    const kept = many.filter(({ name }) => name !== "3.csv").map(({ name }) => `stored-${name}`);
    expect((error as UploadError<{ fileName: string }>).uploaded.map(({ fileName }) => fileName)).toEqual(kept);
  });

  test("that were stored are on the error also when it was the service that refused one", async () => {
    const on = service().on(PRESIGN, (sent) => {
      const { fileName } = sent.body as { fileName: string };
      return fileName === "3.csv" ? refusal(404, "Session not found") : signing;
    });
    const error = await rejection(upload(on, ...many));
    expect(error).toMatchObject({ code: "upload", fileName: "3.csv", cause: { code: "not_found" } });
    expect((error as UploadError).uploaded).toHaveLength(8);
  });
});

describe("progress", () => {
  const upload = (on: Service, onProgress: (progress: UploadProgress) => void) =>
    on.client().files.upload({ sessionId: "s1" }, [CSV, { name: "b.csv", data: new Uint8Array(6) }], { onProgress });

  test("is told with each file that is stored, and ends with all bytes of all files", async () => {
    const told: UploadProgress[] = [];
    await upload(service(), (progress) => told.push(progress));
    expect(told.map(({ storedFiles }) => storedFiles)).toEqual([1, 2]);
    expect(told.at(-1)).toEqual({ sentBytes: 10, totalBytes: 10, storedFiles: 2 });
  });

  test("is not made of files that were refused", async () => {
    const told: UploadProgress[] = [];
    const on = service().on(STORE, refused(403, "AccessDenied", "no"), stored);
    expect(await rejection(upload(on, (progress) => told.push(progress)))).toMatchObject({ code: "upload" });
    expect(told).toMatchObject([{ storedFiles: 1, totalBytes: 10 }]);
  });

  test("whose callback throws ends the upload, with what it throws", async () => {
    const reason = new Error("enough");
    const failing = upload(service(), () => {
      throw reason;
    });
    expect(await rejection(failing)).toBe(reason);
  });

  test("that goes to no function is refused before anything is sent", async () => {
    const on = new Service();
    expect(await rejection(upload(on, "no" as unknown as () => void))).toBeInstanceOf(InvalidInputError);
    expect(on.sent).toEqual([]);
  });
});

test("A session that does not exist is not found", async () => {
  const on = service().on(PRESIGN, refusal(404, "Session not found"));
  expect(await rejection(upload(on, CSV))).toMatchObject({ code: "not_found" });
});

describe("a signature that has expired", () => {
  const expired = refused(403, "AccessDenied", "Invalid according to Policy: Policy expired.");

  test("is asked for once more", async () => {
    const on = service().on(STORE, expired, stored);
    expect(await upload(on, CSV)).toHaveLength(1);
    expect(on.operations).toEqual([PRESIGN, STORE, PRESIGN, STORE]);
  });

  test("is asked for once more only", async () => {
    const on = service().on(STORE, expired);
    expect(await rejection(upload(on, CSV))).toMatchObject({ code: "upload", status: 403, storeCode: "AccessDenied" });
    expect(on.count(PRESIGN)).toBe(2);
  });

  test("is recognised by the clock when the store does not say so", async () => {
    const on = service()
      .on(PRESIGN, form("a", { expiresIn: 5 }))
      .on(STORE, delayed(6_000, refused(403, "AccessDenied", "no")), stored);
    expect(await upload(on, CSV)).toHaveLength(1);
    expect(on.count(PRESIGN)).toBe(2);
  });

  test("is not made up for any other refusal", async () => {
    const on = service().on(STORE, refused(403, "AccessDenied", "no"));
    await rejection(upload(on, CSV));
    expect(on.count(PRESIGN)).toBe(1);
  });
});

test.each([
  [400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"],
  [403, "SignatureDoesNotMatch", "The request signature we calculated does not match"],
  [411, "MissingContentLength", "You must provide the Content-Length HTTP header."],
])("What the file store says is passed on: %i %s", async (status, storeCode, why) => {
  const on = service().on(STORE, refused(status, storeCode, why));
  const error = await rejection(upload(on, CSV));
  expect(error).toMatchObject({ code: "upload", fileName: "data.csv", status, storeCode, uploaded: [] });
  expect((error as Error).message).toContain(why);
});

test("A store that says nothing is reported with its status", async () => {
  const on = service().on(STORE, () => new Response("", { status: 400 }));
  expect(await rejection(upload(on, CSV))).toMatchObject({ code: "upload", status: 400, storeCode: undefined });
});

test.each<[string, Reply]>([
  ["a broken connection", reset()],
  ["a 500", refused(500, "InternalError", "try again")],
  ["a 503", refused(503, "SlowDown", "slow down")],
])("A file is sent again after %s, with its bytes", async (_, fault) => {
  const on = service().on(STORE, fault, async ({ request }: Sent) => {
    const file = (await request.formData()).get("file") as File;
    return file.size === 4 ? stored : refused(400, "IncompleteBody", "short");
  });
  expect(await upload(on, CSV)).toHaveLength(1);
});

test("A way to the store that stays broken is an upload error with its cause", async () => {
  const on = service().on(STORE, reset());
  const error = await rejection(upload(on, CSV));
  expect(error).toMatchObject({ code: "upload", fileName: "data.csv", cause: { code: "connection" } });
});

test("A store that never answers is given up in time", async () => {
  const on = service().on(STORE, silence);
  const begun = performance.now();
  expect(await rejection(upload(on, CSV))).toMatchObject({ code: "upload", cause: { code: "timeout" } });
  expect(performance.now() - begun).toBeLessThan(4 * 60_000);
});

test.each([
  ["http://bucket.test/", "plain http"],
  ["ftp://bucket.test/", "another protocol"],
  ["bucket", "no URL at all"],
])("Bytes do not go to %s: %s", async (url) => {
  const on = service().on(PRESIGN, form("data.csv", { url }));
  expect(await rejection(upload(on, CSV))).toMatchObject({ code: "upload" });
  expect(on.count(PRESIGN)).toBe(on.sent.length);
});

test.each(["url", "fields", "fileName"])("A form without %s is an error, and nothing is stored", async (field) => {
  const on = service().on(PRESIGN, form("data.csv", { [field]: undefined }));
  expect(await rejection(upload(on, CSV))).toMatchObject({ code: "api_error", status: 200 });
  expect(on.count(PRESIGN)).toBe(on.sent.length);
});

test("Nothing that is signed shows in an error", async () => {
  const secret = "c2lnbmF0dXJl";
  const url = `https://bucket.test/?X-Amz-Signature=${secret}`;
  const faults: Reply[] = [
    refused(403, "AccessDenied", `see ${url}`),
    refused(400, "InvalidArgument", url),
    reset(),
    new TypeError(`request to ${url} failed`),
    () => new Response(null, { status: 302, headers: { Location: url } }),
  ];
  for (const fault of faults) {
    const fields = { policy: secret, "x-amz-signature": secret };
    const on = new Service().on(PRESIGN, form("data.csv", { url, fields })).on(`POST ${url}`, fault);
    const error = await rejection(upload(on, CSV));
    expect(error).toMatchObject({ code: "upload" });
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(secret);
  }
});

describe("aborting", () => {
  test("before it began sends nothing", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    const on = new Service();
    expect(await rejection(on.client().files.upload({ sessionId: "s1" }, CSV, { signal }))).toBe(signal.reason);
  });

  test.each<[string, string]>([
    ["while it is signed", PRESIGN],
    ["while it travels", STORE],
  ])("%s rejects at once with the caller's reason", async (_, operation) => {
    const on = service().on(operation, silence);
    const { signal, reason } = abortAfter(2_000);
    const begun = performance.now();
    expect(await rejection(on.client().files.upload({ sessionId: "s1" }, [CSV, CSV], { signal }))).toBe(reason);
    expect(performance.now() - begun).toBe(2_000);
  });
});

test("Files of a v2 session and of a browser go to their own targets", async () => {
  const on = service().on("POST /v2/files/browsers/b1/presigned-url", signing);
  const client = on.client();
  await client.v2.sessions.attach("s1").upload(CSV);
  await client.browsers.attach("b1").upload([CSV]);
  await client.files.upload({ browserId: "b1" }, CSV);
  expect(on.operations.filter((operation) => operation !== STORE)).toEqual([
    PRESIGN,
    "POST /v2/files/browsers/b1/presigned-url",
    "POST /v2/files/browsers/b1/presigned-url",
  ]);
});

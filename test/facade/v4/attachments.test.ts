import { describe, expect, test } from "vitest";
import {
  type BrowserUse,
  InvalidInputError,
  NotFoundError,
  type SessionNotStoppedError,
  UploadError,
  type UploadFile,
  type V4RunOptions,
  type V4StartOptions,
} from "../../../src/index.ts";
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
import {
  agentBrowser,
  BROWSERS,
  browsers,
  CANCEL,
  CREATE,
  RUN,
  STATUS,
  STOP_BROWSER,
  started,
  v4Run,
} from "./views.ts";

useFastTime();

const MAKE = "POST /v4/workspaces";
const SESSION = "GET /v4/sessions/s1";
const sign = (workspaceId: string) => `POST /v4/workspaces/${workspaceId}/files/upload`;
const MOST_BYTES = 52_428_800;

interface Item {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly uploadUrl: string;
}

/** A service with workspaces and a bucket behind it: signs whatever it is asked for, and stores whatever it signs. */
class Cloud extends Service {
  readonly stored = new Map<string, { readonly text: string; readonly type: string | null }>();
  /** Changes what the service answers. */
  lie: (items: Item[]) => unknown = (items) => items;
  /** What the file store does first; undefined lets it store. */
  first: (path: string, signature: number) => Reply | undefined = () => undefined;
  #signatures = 0;

  constructor() {
    super();
    for (const workspaceId of ["w1", "w2", "wNew"]) this.on(sign(workspaceId), (sent) => this.#sign(workspaceId, sent));
    this.on(MAKE, { id: "wNew", archived: false }).on(SESSION, {
      sessionId: "s1",
      workspaceId: "w2",
      status: "completed",
    });
    this.on(CREATE, started()).on(STATUS, { status: "completed" }).on(RUN, v4Run());
    this.on(BROWSERS, browsers(agentBrowser())).on(STOP_BROWSER, agentBrowser({ status: "stopped" }));
    this.on(CANCEL, v4Run({ status: "cancelled" }));
  }

  get puts(): Sent[] {
    return this.sent.filter(({ operation }) => operation.startsWith("PUT "));
  }

  refuse(): void {
    this.first = () => refusal(403, "no");
  }

  /** What the run was given. */
  get given(): unknown {
    return this.bodies(CREATE)[0];
  }

  #sign(workspaceId: string, { body }: Sent): object {
    const { files } = body as { files: { name: string }[] };
    const items = files.map(({ name }) => {
      const signature = ++this.#signatures;
      const path = `uploads/${name}`;
      const uploadUrl = `https://bucket.test/${workspaceId}/${path}?X-Amz-Signature=c2ln${signature}`;
      this.on(`PUT ${uploadUrl}`, (sent) => this.first(path, signature) ?? this.#store(path, sent));
      return { id: `id-${name}-${signature}`, name, storedName: name, path, willOverride: false, uploadUrl };
    });
    return { files: this.lie(items) as object };
  }

  async #store(path: string, { request }: Sent): Promise<Reply> {
    this.stored.set(path, { text: await request.text(), type: request.headers.get("Content-Type") });
    return () => new Response(null);
  }
}

const EXPIRED: Reply = () =>
  new Response("<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", { status: 403 });
const file = (name: string, text = name): UploadFile => ({ name, data: new TextEncoder().encode(text) });
const files = (count: number) => Array.from({ length: count }, (_, index) => file(`${index}.txt`));
const start = (on: Service, options: V4StartOptions) => on.client().v4.runs.start("Read them", options);
const short = (operations: readonly string[]) => operations.map((operation) => operation.replace(/^PUT .*/, "PUT"));

test("Files are stored before the run starts, which is given their ids in their order", async () => {
  const on = new Cloud();
  await start(on, { files: [file("a.csv", "a,b"), file("b.pdf")] });
  expect(short(on.operations)).toEqual([MAKE, sign("wNew"), "PUT", "PUT", CREATE]);
  expect(on.bodies(sign("wNew"))).toEqual([
    {
      files: [
        { name: "a.csv", contentType: "text/csv", size: 3 },
        { name: "b.pdf", contentType: "application/pdf", size: 5 },
      ],
    },
  ]);
  expect([...on.stored]).toEqual([
    ["uploads/a.csv", { text: "a,b", type: "text/csv" }],
    ["uploads/b.pdf", { text: "b.pdf", type: "application/pdf" }],
  ]);
  expect(on.given).toEqual({
    task: "Read them",
    workspaceId: "wNew",
    attachedFileIds: ["id-a.csv-1", "id-b.pdf-2"],
  });
});

describe("Files go", () => {
  test("into the workspace that is named", async () => {
    const on = new Cloud();
    await start(on, { files: file("a.csv"), workspaceId: "w1" });
    expect(short(on.operations)).toEqual([sign("w1"), "PUT", CREATE]);
    expect(on.given).toEqual({ task: "Read them", workspaceId: "w1", attachedFileIds: ["id-a.csv-1"] });
  });

  test("into the workspace of the session that is named", async () => {
    const on = new Cloud();
    await start(on, { files: file("a.csv"), sessionId: "s1" });
    expect(short(on.operations)).toEqual([SESSION, sign("w2"), "PUT", CREATE]);
    expect(on.given).toEqual({ task: "Read them", sessionId: "s1", attachedFileIds: ["id-a.csv-1"] });
  });

  test("into the workspace that is named beside a session", async () => {
    const on = new Cloud();
    await start(on, { files: file("a.csv"), sessionId: "s1", workspaceId: "w1" });
    expect(short(on.operations)).toEqual([sign("w1"), "PUT", CREATE]);
  });

  test("into a new workspace, whose creation is not repeated when its answer is lost", async () => {
    const on = new Cloud().on(MAKE, reset());
    expect(await rejection(start(on, { files: file("a.csv") }))).toBeInstanceOf(UploadError);
    expect(on.operations).toEqual([MAKE]);
  });

  test("nowhere when the session has no workspace, or is not there", async () => {
    const on = new Cloud().on(SESSION, { sessionId: "s1", workspaceId: null }, refusal(404, "Session not found"));
    const error = await rejection(start(on, { files: file("a.csv"), sessionId: "s1" }));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error).toMatchObject({ message: expect.stringContaining("s1 has no workspace") });
    expect(await rejection(start(on, { files: file("a.csv"), sessionId: "s1" }))).toBeInstanceOf(NotFoundError);
    expect(on.operations).toEqual([SESSION, SESSION]);
  });

  test("nowhere when there are none", async () => {
    const on = new Cloud();
    await start(on, { files: [], attachedFileIds: ["f1"] });
    expect(on.operations).toEqual([CREATE]);
    expect(on.given).toEqual({ task: "Read them", attachedFileIds: ["f1"] });
  });
});

test("The ids that were given come before those of the files", async () => {
  const on = new Cloud();
  await start(on, { files: files(2), attachedFileIds: ["f1", "f2"], workspaceId: "w1" });
  expect(on.given).toMatchObject({ attachedFileIds: ["f1", "f2", "id-0.txt-1", "id-1.txt-2"] });
});

test("More than ten files are signed for in batches of ten, and keep their order", async () => {
  const on = new Cloud();
  await start(on, { files: files(20), workspaceId: "w1" });
  expect(on.bodies(sign("w1")).map((body) => (body as { files: unknown[] }).files.length)).toEqual([10, 10]);
  const { attachedFileIds } = on.given as { attachedFileIds: string[] };
  expect(attachedFileIds.map((id) => id.split("-")[1])).toEqual(files(20).map(({ name }) => name));
});

test("Of equal names each is stored under one of its own", async () => {
  const on = new Cloud();
  await start(on, { files: [file("a.csv", "1"), file("a.csv", "2")], workspaceId: "w1" });
  expect([...on.stored].map(([path, { text }]) => [path, text])).toEqual([
    ["uploads/a.csv", "1"],
    ["uploads/a-2.csv", "2"],
  ]);
  expect(on.given).toMatchObject({ attachedFileIds: ["id-a.csv-1", "id-a-2.csv-2"] });
});

test("A file whose link has expired is signed for again, and the run is given its new id", async () => {
  const on = new Cloud();
  on.first = (_, signature) => (signature === 1 ? EXPIRED : undefined);
  await start(on, { files: file("a.csv"), workspaceId: "w1" });
  expect(on.given).toMatchObject({ attachedFileIds: ["id-a.csv-2"] });
});

test("The key never goes to the file store", async () => {
  const on = new Cloud();
  await on.client({ headers: { "X-Team": "support" } }).v4.runs.start("Go", { files: file("a.csv") });
  expect(on.puts.map(({ headers }) => [...headers.keys()])).toEqual([["content-type"]]);
});

/** Claims to be as large as it is told, without holding as much. */
function sized(name: string, sizeBytes: number): UploadFile {
  return { name, data: Object.defineProperty(new Blob(["x"]), "size", { value: sizeBytes }) };
}

test.each<[string, V4RunOptions & V4StartOptions]>([
  ["of 0 bytes", { files: sized("a.txt", 0) }],
  ["of one byte more than 50 MiB", { files: sized("a.txt", MOST_BYTES + 1) }],
  ["one of which is too large", { files: [file("a.txt"), sized("b.txt", MOST_BYTES + 1)] }],
  ["without a name", { files: file("") }],
  ["in a folder", { files: file("in/a.txt") }],
  ["that lead elsewhere", { files: file("..") }],
  ["with a name of 256 characters", { files: file("a".repeat(256)) }],
  ["whose type is none", { files: { name: "a.txt", data: new Blob(["a"]), type: "text" } }],
  ["that are none", { files: "a.txt" as never }],
  ["that are null", { files: null as never }],
  ["of which there are 21", { files: files(21) }],
  ["of which there are 21 with the ids that are given", { files: files(2), attachedFileIds: Array(19).fill("f") }],
  ["for a run that cannot be", { files: files(1), maxCostUsd: -1 }],
  ["with a time that is none", { files: files(1), timeoutMs: 0 }],
  ["with a time that is too long", { files: files(1), totalTimeoutMs: Number.POSITIVE_INFINITY }],
  ["with retries that are none", { files: files(1), maxRetries: -1 }],
  ["with a controller for a signal", { files: files(1), signal: new AbortController() as never }],
  ["with an access that is none", { files: files(1), profileAccess: "mine" as never }],
])("Files %s are refused before anything is sent", async (_, options) => {
  const on = new Cloud();
  for (const how of ["start", "run"] as const)
    expect(await rejection(on.client().v4.runs[how]("Go", options))).toBeInstanceOf(InvalidInputError);
  expect(on.operations).toEqual([]);
});

test("A file of exactly 50 MiB, and twenty files, are taken", async () => {
  const on = new Cloud();
  const most = new Blob([new Uint8Array(MOST_BYTES)]);
  await start(on, { files: [{ name: "most.bin", data: most }, ...files(18)], attachedFileIds: ["f1"] });
  expect((on.given as { attachedFileIds: unknown[] }).attachedFileIds).toHaveLength(20);
});

describe("No run starts", () => {
  test("when a file is not stored; the error has those that were", async () => {
    const on = new Cloud();
    on.first = (path) => (path.endsWith("1.txt") ? refusal(403, "no") : undefined);
    const error = await rejection(start(on, { files: files(2) }));
    expect(error).toBeInstanceOf(UploadError);
    expect(error).toMatchObject({ fileName: "1.txt", uploaded: [{ fileName: "uploads/0.txt" }] });
    expect(on.count(CREATE)).toBe(0);
  });

  test.each<[string, (items: Item[]) => unknown]>([
    ["has no id", (items) => items.map(({ id: _, ...item }) => item)],
    ["is for another file", (items) => items.map((item) => ({ ...item, name: "other" }))],
    ["is one short", (items) => items.slice(1)],
    ["gives two files one place", (items) => items.map((item) => ({ ...item, path: "uploads/same" }))],
  ])("when the answer that signs %s, and no byte is sent", async (_, lie) => {
    const on = new Cloud();
    on.lie = lie;
    expect(await rejection(start(on, { files: files(2) }))).toBeInstanceOf(UploadError);
    expect(short(on.operations)).toEqual([MAKE, sign("wNew")]);
  });

  test("when the caller aborts in the middle of the files", async () => {
    for (const [operation, options] of [
      [MAKE, {}],
      [SESSION, { sessionId: "s1" }],
      [sign("w1"), { workspaceId: "w1" }],
    ] as const) {
      const on = new Cloud().on(operation, silence);
      const { signal, reason } = abortAfter(1_000);
      expect(await rejection(start(on, { ...options, files: files(1), signal }))).toBe(reason);
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      expect(on.count(CREATE)).toBe(0);
    }
    const on = new Cloud();
    on.first = () => silence;
    const { signal, reason } = abortAfter(1_000);
    expect(await rejection(on.client().v4.runs.run("Go", { files: files(1), signal }))).toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(on.count(CREATE)).toBe(0);
    expect(on.count(BROWSERS)).toBe(0);
  });

  test.each<[string, (on: Cloud) => unknown]>([
    ["the file store refuses them", (on) => on.refuse()],
    ["nobody knows whether a workspace was made", (on) => on.on(MAKE, reset())],
    ["nobody knows whether they were signed for", (on) => on.on(sign("wNew"), reset())],
  ])("and that is known, so that its profile is free, when %s", async (_, fault) => {
    const on = new Cloud();
    fault(on);
    const { v4 } = on.client({ maxRetries: 0 });
    const options = { browserSettings: { profileId: "p1" } };
    const error = await rejection(v4.runs.start("Go", { ...options, files: file("a.csv") }));
    expect(error).toBeInstanceOf(UploadError);
    expect(error).toMatchObject({ fileName: "a.csv" });
    expect(error).not.toHaveProperty("outcome");
    await v4.runs.start("Go", options);
    expect(on.count(CREATE)).toBe(1);
  });
});

describe("A run that has started without some of its files", () => {
  const missing = started({ missingFileIds: ["ID-1.txt-2", "f9"] });
  const ended = (client: BrowserUse, how: "start" | "run", more: V4RunOptions = {}) =>
    rejection(client.v4.runs[how]("Go", { files: files(2), attachedFileIds: ["f9"], ...more }));

  test.each(["start", "run"] as const)(
    "is cancelled, its browser stopped, and the error of %s names them",
    async (how) => {
      const on = new Cloud().on(CREATE, missing).on(STATUS, { status: "running" });
      on.on(CANCEL, () => {
        on.on(STATUS, { status: "cancelled" }).on(RUN, v4Run({ status: "cancelled" }));
        return v4Run({ status: "running" });
      });
      const error = await ended(on.client(), how);
      expect(error).toBeInstanceOf(UploadError);
      expect(error).toMatchObject({
        message: expect.stringMatching(/uploads\/1\.txt.*f9/),
        fileName: "uploads/1.txt",
        uploaded: [{ fileName: "uploads/0.txt" }],
      });
      expect(on.operations.slice(on.operations.indexOf(CREATE))).toEqual([
        CREATE,
        CANCEL,
        STATUS,
        RUN,
        BROWSERS,
        STOP_BROWSER,
      ]);
    },
  );

  test.each(["start", "run"] as const)(
    "in a session that is given is cancelled by %s, and the browser left alone",
    async (how) => {
      const on = new Cloud().on(CREATE, missing).on(STATUS, { status: "running" });
      expect(await ended(on.client(), how, { sessionId: "s1" })).toBeInstanceOf(UploadError);
      expect(on.operations.slice(on.operations.indexOf(CREATE))).toEqual([CREATE, STATUS, CANCEL]);
    },
  );

  test("is reported when it cannot be cancelled, and the error is the same", async () => {
    const on = new Cloud().on(CREATE, missing).on(STATUS, { status: "running" }).on(CANCEL, refusal(403, "no"));
    for (const how of ["start", "run"] as const) {
      const reports: SessionNotStoppedError[] = [];
      const client = on.client({ onSessionNotStopped: (error) => void reports.push(error) });
      expect(await ended(client, how)).toBeInstanceOf(UploadError);
      expect(reports).toMatchObject([{ sessionId: "s1" }]);
    }
  });

  test("starts as it is when none is missing", async () => {
    for (const missingFileIds of [[], null, undefined]) {
      const on = new Cloud().on(CREATE, started({ missingFileIds }));
      expect((await start(on, { files: files(1) })).id).toBe("r1");
    }
  });
});

test("Too many files are counted together with the ids, and called by both names", async () => {
  const error = await rejection(start(new Cloud(), { files: files(2), attachedFileIds: Array(19).fill("f") }));
  expect(error).toMatchObject({
    message: expect.stringMatching(/^files and attachedFileIds must be .*20 items, not 21/),
  });
});

test.each([
  ["workspace", MAKE, {}],
  ["session", SESSION, { sessionId: "s1" }],
  ["link", sign("w1"), { workspaceId: "w1" }],
  ["run", CREATE, { workspaceId: "w1" }],
])("The limits of the call are those of the request for its %s", async (_, operation, place) => {
  const on = new Cloud().on(operation, silence);
  const begun = performance.now();
  await rejection(start(on, { ...place, files: files(1), timeoutMs: 300, maxRetries: 0 }));
  expect(performance.now() - begun).toBe(300);
  expect(on.count(operation)).toBe(1);
});

describe("A client that is closed while files are stored", () => {
  /** The file store answers after two seconds; the client is closed after one. */
  async function closing(how: "start" | "run", options: V4RunOptions = {}) {
    const on = new Cloud();
    on.first = () => delayed(2_000, () => new Response(null));
    const reports: SessionNotStoppedError[] = [];
    const client = on.client({ onSessionNotStopped: (error) => void reports.push(error) });
    const waiting = client.v4.runs[how]("Go", { files: files(1), workspaceId: "w1", ...options });
    const outcome = rejection(waiting.then((ok) => Promise.reject(ok)));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const begun = performance.now();
    await client.close();
    return { on, reports, outcome: await outcome, closedInMs: performance.now() - begun };
  }

  test.each(["start", "run"] as const)("starts no run by %s, and is closed as soon as that is known", async (how) => {
    const { on, reports, outcome, closedInMs } = await closing(how);
    expect(outcome).toBeInstanceOf(InvalidInputError);
    expect(on.count(CREATE)).toBe(0);
    expect(reports).toEqual([]);
    expect(closedInMs).toBeLessThan(1_500);
  });

  test("lets nobody hear of it who may end the process before all that is open is stopped", async () => {
    for (const how of ["start", "run"] as const) {
      const on = new Cloud().on(STOP_BROWSER, delayed(9_000, agentBrowser({ status: "stopped" })));
      on.first = () => delayed(2_000, () => new Response(null));
      const client = on.client();
      const order: string[] = [];
      const other = client.v4.runs.run("Other");
      const refused = rejection(client.v4.runs[how]("Go", { files: files(1), workspaceId: "w1" }));
      const told = refused.then(() => order.push("refused"));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await client.close();
      order.push("closed");
      await Promise.all([other, told]);
      expect(order).toEqual(["closed", "refused"]);
    }
  });

  test("starts a follow-up all the same, as one without files", async () => {
    const { on, outcome } = await closing("start", { sessionId: "s1" });
    expect(outcome).toMatchObject({ id: "r1" });
    expect(on.count(CREATE)).toBe(1);
  });
});

test("The run of a one-shot call is given its files, too", async () => {
  const on = new Cloud();
  expect(await on.client().v4.runs.run("Go", { files: file("a.csv"), workspaceId: "w1" })).toMatchObject({
    output: "42 EUR",
  });
  expect(short(on.operations)).toEqual([sign("w1"), "PUT", CREATE, STATUS, RUN, BROWSERS, STOP_BROWSER]);
});

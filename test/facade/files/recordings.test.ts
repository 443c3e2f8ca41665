import { describe, expect, test } from "vitest";
import {
  type BrowserUse,
  InvalidInputError,
  NotFoundError,
  type RecordingOptions,
  TimeoutError,
} from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import { abortAfter, answer, type Reply, refusal, reset, Service, useFastTime } from "../../support/service.ts";
import { browser, v2Session, v3View } from "../../support/views.ts";

useFastTime();

const link = (name: string, signature = "1") => `https://files.test/recordings/${name}?X-Amz-Signature=${signature}`;
const video: Reply = () => new Response("video", { headers: { "Content-Length": "5" } });

/** The three kinds of what can be recorded, and what each says about its recording. */
const KINDS = [
  {
    kind: "v2 session",
    get: "GET /v2/sessions/s1",
    create: ["POST /v2/sessions", v2Session()] as const,
    none: v2Session({ status: "stopped" }),
    there: (url: string) => v2Session({ status: "stopped", recordingUrl: url }),
    attach: (client: BrowserUse) => client.v2.sessions.attach("s1"),
    open: (client: BrowserUse, request: object) => client.v2.sessions.open(request),
  },
  {
    kind: "v3 session",
    get: "GET /v3/sessions/s1",
    create: ["POST /v3/sessions", v3View()] as const,
    none: v3View({ status: "stopped" }),
    there: (url: string) => v3View({ status: "stopped", recordingUrls: [url] }),
    attach: (client: BrowserUse) => client.v3.sessions.attach("s1"),
    open: (client: BrowserUse, request: object) => client.v3.sessions.open(request),
  },
  {
    kind: "browser",
    get: "GET /v3/browsers/b1",
    create: ["POST /v3/browsers", browser()] as const,
    none: browser({ status: "stopped" }),
    there: (url: string) => browser({ status: "stopped", recordingUrl: url }),
    attach: (client: BrowserUse) => client.browsers.attach("b1"),
    open: (client: BrowserUse, request: object) => client.browsers.open(request),
  },
];

describe.each(KINDS)("The recording of a $kind", ({ get, create, none, there, attach, open }) => {
  const recordings = (service: Service, options?: RecordingOptions) => attach(service.client()).recordings(options);

  test("is waited for until it is there, and can be read", async () => {
    const service = new Service().on(get, none, none, none, there(link("a.webm"))).on(`GET ${link("a.webm")}`, video);
    const [recording, ...more] = await recordings(service);
    expect(more).toEqual([]);
    expect(recording?.path).toMatch(/^[sb]1\.webm$/);
    expect(await recording?.text()).toBe("video");
    expect(service.count(get)).toBe(4);
  });

  test("is asked for again when its link has expired, also under a new signature", async () => {
    const service = new Service()
      .on(get, there(link("a.mp4", "old")), there(link("a.mp4", "new")))
      .on(`GET ${link("a.mp4", "old")}`, answer(403))
      .on(`GET ${link("a.mp4", "new")}`, video);
    const [recording] = await recordings(service);
    expect(await recording?.text()).toBe("video");
  });

  test("is not another one when its link has expired", async () => {
    const service = new Service()
      .on(get, there(link("a.mp4")), there(link("b.mp4")))
      .on(`GET ${link("a.mp4")}`, answer(403));
    const [recording] = await recordings(service);
    expect(await rejection(recording?.bytes() ?? Promise.resolve())).toMatchObject({ code: "download" });
  });

  test("is waited for no longer than asked; that it was not there is no empty list", async () => {
    const service = new Service().on(get, none);
    const begunAt = performance.now();
    const error = await rejection(recordings(service, { waitTimeoutMs: 10_000 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ operation: "recordings", timeoutMs: 10_000 });
    expect(error).toHaveProperty("message", expect.stringContaining("when the browser has stopped"));
    expect(performance.now() - begunAt).toBeLessThan(10_500);
    // A quarter of a second first, then more and more seldom.
    expect(service.count(get)).toBeGreaterThan(8);
    expect(service.count(get)).toBeLessThan(40);
  });

  test("is waited for five minutes when nothing else is said", async () => {
    const service = new Service().on(get, none);
    expect(await rejection(recordings(service))).toMatchObject({ name: "TimeoutError", timeoutMs: 300_000 });
  });

  test("is waited for through faults that pass, and the last one is told when the time is over", async () => {
    const service = new Service().on(
      get,
      reset(),
      refusal(503, "Bad day"),
      reset(),
      reset(),
      reset(),
      there(link("a")),
    );
    expect(await recordings(service)).toHaveLength(1);
    const broken = new Service().on(get, reset());
    const error = await rejection(recordings(broken, { waitTimeoutMs: 60_000 }));
    expect(error).toMatchObject({ name: "TimeoutError", operation: "recordings", cause: { name: "ConnectionError" } });
  });

  test("is not waited for when the service knows of no such thing", async () => {
    const service = new Service().on(get, refusal(404, "Session not found"));
    expect(await rejection(recordings(service))).toBeInstanceOf(NotFoundError);
    expect(service.count(get)).toBe(1);
  });

  test("ends with the caller's own reason when he leaves", async () => {
    const service = new Service().on(get, none);
    const { signal, reason } = abortAfter(1000);
    expect(await rejection(recordings(service, { signal }))).toBe(reason);
  });

  test.each([{ waitTimeoutMs: 0 }, { waitTimeoutMs: Number.NaN }, { timeoutMs: 1 }, { signal: new AbortController() }])(
    "is not asked for with options that cannot be: %j",
    async (options) => {
      const service = new Service();
      expect(await rejection(recordings(service, options as RecordingOptions))).toBeInstanceOf(InvalidInputError);
      expect(service.sent).toEqual([]);
    },
  );

  test("comes when it was asked for at the opening", async () => {
    const service = new Service().on(create[0], create[1]).on(get, none, there(link("a")));
    const session = await open(service.client(), { enableRecording: true });
    expect(await session.recordings()).toHaveLength(1);
  });
});

describe("That there will never be a recording is an empty list, at once", () => {
  test.each(KINDS.slice(0, 2))("for a $kind that was opened here without one", async ({ create, open }) => {
    for (const request of [{}, { enableRecording: false }]) {
      const service = new Service().on(create[0], create[1]);
      const session = await open(service.client(), request);
      expect(await session.recordings()).toEqual([]);
      expect(service.sent).toHaveLength(1);
    }
  });

  test("for a browser of which the service says so", async () => {
    const service = new Service().on("GET /v3/browsers/b1", browser({ recordingAvailable: false }));
    expect(await service.client().browsers.attach("b1").recordings()).toEqual([]);
    expect(service.sent).toHaveLength(1);
  });
});

test("Several recordings of one session keep apart, in name and in what is asked for again", async () => {
  const urls = (signature: string) => [link("1/video.mp4", signature), link("2/video.mp4", signature)];
  const view = (recordingUrls: string[]) => v3View({ status: "stopped", recordingUrls });
  const service = new Service()
    .on("GET /v3/sessions/s1", view(urls("old")), view(urls("new").reverse()))
    .on(`GET ${urls("old")[1]}`, answer(403))
    .on(`GET ${urls("new")[1]}`, video);
  const recordings = await service.client().v3.sessions.attach("s1").recordings();
  expect(recordings.map(({ path }) => path)).toEqual(["s1.mp4", "s1-2.mp4"]);
  expect(await recordings[1]?.text()).toBe("video");
});

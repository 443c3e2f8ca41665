import { expect, test, vi } from "vitest";
import { createTransport, type Fetch } from "../../../src/facade/call/transport.ts";
import { LimitReached } from "../../../src/facade/call/wait.ts";
import { Download } from "../../../src/facade/files/download.ts";
import { browserUseService } from "../../../src/facade/service.ts";
import { rejection } from "../../support/clients.ts";
import { countedSignal, useFastTime } from "../../support/service.ts";

useFastTime();

const MINUTE_MS = 60_000;
const DATA = new TextEncoder().encode("0123456789");

function download(fetch: Fetch): Download {
  const transport = createTransport(browserUseService, { apiKey: "bu_key", baseUrl: "https://cloud.test/api", fetch });
  return new Download(transport, { path: "a.txt" }, async () => ({ url: "https://files.test/a.txt" }));
}

function answer(body: ReadableStream<Uint8Array>, from = 0): Response {
  const range = from > 0 ? { "Content-Range": `bytes ${from}-9/10` } : {};
  const headers = { ETag: '"1"', "Content-Length": String(10 - from), ...range };
  return new Response(body, { status: from > 0 ? 206 : 200, headers });
}

/** A body that gives these bytes one by one, so many milliseconds apart, and then nothing: not even an end, unless all of it has come. */
function dripping(bytes: Uint8Array, everyMs: number, onCancel: () => void = () => {}): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull: async (controller) => {
      if (at === bytes.length) return new Promise(() => {});
      await new Promise((resolve) => setTimeout(resolve, everyMs));
      controller.enqueue(bytes.slice(at, ++at));
      if (bytes.byteOffset + at === DATA.length) controller.close();
    },
    cancel: onCancel,
  });
}

test("A file may take as long as it likes, as long as bytes come", async () => {
  const file = download(async () => answer(dripping(DATA, MINUTE_MS - 1)));
  const begunAt = performance.now();
  expect(await file.text()).toBe("0123456789");
  expect(performance.now() - begunAt).toBeGreaterThan(9 * MINUTE_MS);
});

test("A minute without a byte is a fault: the request is ended, and the download goes on elsewhere", async () => {
  const cancelled = vi.fn();
  const signals: AbortSignal[] = [];
  const file = download(async ({ signal, headers }) => {
    signals.push(signal);
    const from = Number(/\d+/.exec(headers.get("Range") ?? "")?.[0] ?? 0);
    return from === 0
      ? answer(dripping(DATA.subarray(0, 4), 1, cancelled))
      : answer(dripping(DATA.subarray(4), 1), from);
  });
  const begunAt = performance.now();
  expect(await file.text()).toBe("0123456789");
  expect(performance.now() - begunAt).toBeGreaterThan(MINUTE_MS);
  expect(performance.now() - begunAt).toBeLessThan(2 * MINUTE_MS);
  expect(signals[0]?.aborted).toBe(true);
  expect(cancelled).toHaveBeenCalled();
});

test("A store that never answers is given up after four minutes, and the error says so", async () => {
  let asked = 0;
  const file = download(({ signal }) => {
    asked += 1;
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  const error = await rejection(file.bytes());
  expect(error).toHaveProperty(
    "message",
    '"a.txt" was not downloaded: the way from the file store stood still for 60000 ms after 0 bytes.',
  );
  expect(error).toHaveProperty("cause", expect.any(LimitReached));
  expect(asked).toBe(4);
});

test("A reader who takes a rest of an hour is no stall of the store", async () => {
  let asked = 0;
  const file = download(async () => {
    asked += 1;
    return answer(new Blob([DATA]).stream());
  });
  const reader = file.stream().getReader();
  const first = await reader.read();
  await new Promise((resolve) => setTimeout(resolve, 60 * MINUTE_MS));
  expect(first.value?.length).toBe(10);
  expect((await reader.read()).done).toBe(true);
  expect(asked).toBe(1);
});

test("A fetch that does not hear its signal keeps nobody, and what it brings late is thrown away", async () => {
  const cancelled = vi.fn();
  let bring: () => void = () => {};
  const file = download(
    () =>
      new Promise((resolve) => {
        bring = () => resolve(answer(dripping(DATA, 1, cancelled)));
      }),
  );
  const control = new AbortController();
  const reading = rejection(file.bytes({ signal: control.signal }));
  setTimeout(() => control.abort("left"), 1000);
  expect(await reading).toBe("left");
  bring();
  await vi.waitFor(() => expect(cancelled).toHaveBeenCalled());
});

test("A signal that lives long is let go when a download ends, however it ends", async () => {
  const { control, listeners } = countedSignal();
  const file = download(async () => answer(new Blob([DATA]).stream()));
  await file.bytes({ signal: control.signal });
  const reader = file.stream({ signal: control.signal }).getReader();
  await reader.read();
  expect(listeners()).toBe(1);
  await reader.cancel();
  await rejection(download(async () => new Response("", { status: 404 })).bytes({ signal: control.signal }));
  expect(listeners()).toBe(0);
});

test("An error of the caller's own fetch that holds the request is not handed on as it is", async () => {
  const file = download(async (request) => {
    throw Object.assign(new Error("no way to https://files.test/a?X-Amz-Signature=5ec4e7"), { request });
  });
  const error = await rejection(file.bytes());
  expect(error).toHaveProperty("cause.message", "no way to https://files.test/a?[redacted]");
  expect(error).not.toHaveProperty("cause.request");
});

import { expect, test } from "vitest";
import type { Schema } from "../../src/emulator/operations.ts";
import { emulated, outcome } from "./support.ts";

type View = Schema<"V2BrowserSessionView">;

test("a recording that was asked for comes some time after the stop, never with it, and none comes else", async () => {
  const api = await emulated({ startDelayMs: 50, now: () => Date.UTC(2026, 0, 1) });
  const start = async (body: object) => (await api.post<{ id: string }>("/v2/browsers", body)).body.id;
  const [with_, without] = [await start({ enableRecording: true }), await start({})];
  const look = async (id: string) => {
    const { recordingUrl, recordingAvailable } = (await api.get<View>(`/v2/browsers/${id}`)).body;
    return [recordingAvailable, recordingUrl === null ? null : typeof recordingUrl];
  };
  expect(await look(with_)).toEqual([true, null]);
  for (const id of [with_, without]) {
    expect((await api.patch<View>(`/v2/browsers/${id}`, { action: "stop" })).body.recordingUrl).toBeNull();
  }
  expect(await look(with_)).toEqual([true, null]);
  api.emulator.advance(50);

  expect(await look(with_)).toEqual([true, "string"]);
  expect(await look(without)).toEqual([false, null]);
  const url = (await api.get<View>(`/v3/browsers/${with_}`)).body.recordingUrl ?? "";
  const response = await fetch(url);
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "video/mp4"]);
  expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(0);
  api.emulator.advance(60 * 60_000);
  expect(await outcome(await fetch(url))).toBe("403 AccessDenied");
  const list = (await api.get<Schema<"V2BrowserSessionListResponse">>("/v2/browsers")).body;
  expect(list.items.map(({ recordingUrl }) => recordingUrl)).toEqual([null, null]);
});

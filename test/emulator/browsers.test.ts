import { expect, test } from "vitest";
import type { Schema } from "../../src/emulator/operations.ts";
import { emulated, MINUTE, MISSING } from "./support.ts";

type Item = Schema<"V2BrowserSessionItemView">;
type View = Schema<"V2BrowserSessionView">;
type List = Schema<"V2BrowserSessionListResponse">;

test("a browser is active until it is stopped, and is the same one in v2 and v3", async () => {
  const api = await emulated();
  const created = await api.post<Item>("/v3/browsers", {});
  expect(created).toMatchObject({ status: 201, body: { status: "active", metadata: {} } });
  expect(created.body.cdpUrl).toMatch(/^wss:/);

  const stopped = await api.patch<View>(`/v2/browsers/${created.body.id}`, { action: "stop" });
  expect(stopped).toMatchObject({ status: 200, body: { status: "stopped", cdpUrl: null, liveUrl: null } });
  expect((await api.get<View>(`/v3/browsers/${created.body.id}`)).body.status).toBe("stopped");
  expect((await api.get(`/v2/browsers/${MISSING}`)).status).toBe(404);
  expect((await api.get(`/v2/browsers/${await api.sessionV2()}`)).status).toBe(404);
});

test("the whole time is charged at the start, and what was not used is given back at the stop, once", async () => {
  const api = await emulated({ now: () => Date.UTC(2026, 0, 1) });
  const balance = async () =>
    (await api.get<Schema<"V2AccountView">>("/v2/billing/account")).body.totalCreditsBalanceUsd;
  const { body } = await api.post<Item>("/v2/browsers", { timeout: 120 });
  expect(body.browserCost).toBe("0.04");
  expect(await balance()).toBeCloseTo(99.96, 9);

  api.emulator.advance(29.5 * MINUTE);
  expect((await api.patch<View>(`/v2/browsers/${body.id}`, { action: "stop" })).body.browserCost).toBe("0.01");
  api.emulator.advance(MINUTE);
  await api.patch<View>(`/v2/browsers/${body.id}`, { action: "stop" });
  expect(await balance()).toBeCloseTo(99.99, 9);
});

test("it times out when its minutes are over, not for want of tasks, and 60 of them are the default", async () => {
  const api = await emulated({ now: () => Date.UTC(2026, 0, 1) });
  const { body } = await api.post<Item>("/v2/browsers", {});
  expect(body.timeoutAt).toBe("2026-01-01T01:00:00.000000");

  api.emulator.advance(60 * MINUTE - 1);
  expect((await api.get<View>(`/v2/browsers/${body.id}`)).body.status).toBe("active");
  api.emulator.advance(1);
  expect((await api.get<View>(`/v2/browsers/${body.id}`)).body).toMatchObject({
    status: "stopped",
    finishedAt: "2026-01-01T01:00:00.000000",
    browserCost: "0.02",
  });
});

test("more than 240 minutes are 403, and less than one is 422", async () => {
  const api = await emulated();

  expect(await api.post("/v2/browsers", { timeout: 241 })).toMatchObject({
    status: 403,
    body: { detail: "Maximum session timeout is 4 hours (240 minutes)." },
  });
  expect((await api.post("/v3/browsers", { timeout: 241 })).status).toBe(403);
  expect((await api.post("/v2/browsers", { timeout: 0 })).status).toBe(422);
  expect((await api.post("/v2/browsers", { timeout: 240 })).status).toBe(201);
});

test("lists are filtered by status and by metadata", async () => {
  const api = await emulated();
  const [blue, red] = [
    (await api.post<Item>("/v2/browsers", { metadata: { team: "blue" } })).body.id,
    (await api.post<Item>("/v2/browsers", { metadata: { team: "red", job: "7" } })).body.id,
  ];
  await api.patch(`/v2/browsers/${blue}`, { action: "stop" });
  const ids = async (query: string) => (await api.get<List>(`/v2/browsers?${query}`)).body.items.map(({ id }) => id);

  expect(await ids("")).toEqual([red, blue]);
  expect(await ids("filterBy=active")).toEqual([red]);
  expect(await ids("metadata=team:blue")).toEqual([blue]);
  expect(await ids("metadata=team:red&metadata=job:7")).toEqual([red]);
  expect(await ids("metadata=team:red&metadata=job:8")).toEqual([]);
  expect(await ids(`agentSessionId=${MISSING}`)).toEqual([]);
});

test("it tells whether a recording can ever come", async () => {
  const api = await emulated();
  const create = async (body: object) => (await api.post<Item>("/v2/browsers", body)).body.id;

  const [with_, without] = [await create({ enableRecording: true }), await create({})];
  expect((await api.get<View>(`/v2/browsers/${with_}`)).body.recordingAvailable).toBe(true);
  expect((await api.get<View>(`/v2/browsers/${without}`)).body.recordingAvailable).toBe(false);
});

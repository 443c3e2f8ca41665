import { expect, test, vi } from "vitest";
import { InvalidInputError, ProfileInUseError } from "../../src/index.ts";
import { rejection } from "../support/clients.ts";
import {
  abortAfter,
  answer,
  delayed,
  type Reply,
  refusal,
  reset,
  Service,
  silence,
  useFastTime,
} from "../support/service.ts";
import { browser, v2Session, v2Task, v3View } from "../support/views.ts";

useFastTime();

const PROFILE = "7b1d7a4e-0000-4000-8000-00000000000a";

function service(): Service {
  return new Service()
    .on("POST /v2/sessions", v2Session())
    .on("GET /v2/sessions/s1", v2Session())
    .on("PATCH /v2/sessions/s1", v2Session({ status: "stopped" }))
    .on("POST /v3/sessions", v3View())
    .on("POST /v3/sessions/s1/stop", v3View({ status: "stopped" }))
    .on("POST /v3/browsers", browser())
    .on("PATCH /v3/browsers/b1", browser({ status: "stopped" }))
    .on("POST /v2/tasks", { id: "t1", sessionId: "s1" })
    .on("GET /v2/tasks/t1/status", { status: "finished" })
    .on("GET /v2/tasks/t1", v2Task());
}

test("A profile is written by one session at a time, whatever opens it, and the second is refused before the wire", async () => {
  const on = service();
  const client = on.client();
  const first = await client.v2.sessions.open({ profileId: PROFILE });
  const seconds = [
    client.v2.sessions.open({ profileId: PROFILE }),
    client.v3.sessions.open({ profileId: PROFILE.toUpperCase() }),
    client.browsers.open({ profileId: PROFILE }),
    client.v2.run("One", { profileId: PROFILE }),
    client.v3.run("One", { profileId: PROFILE }),
    client.v3.sessions.use({ profileId: PROFILE }, () => 42),
  ];
  for (const second of seconds) {
    expect(await rejection(second)).toMatchObject({ code: "profile_in_use" });
  }
  expect(on.operations).toEqual(["POST /v2/sessions"]);
  await first.stop();
});

test("Two sessions that ask for a profile in the same moment do not both get it", async () => {
  const on = service().on("POST /v2/sessions", delayed(500, v2Session()));
  const client = on.client();
  const results = await Promise.allSettled([
    client.v2.sessions.open({ profileId: PROFILE }),
    client.v2.sessions.open({ profileId: PROFILE }),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  expect(on.count("POST /v2/sessions")).toBe(1);
});

test("A profile is free once its session is confirmed as stopped, not while it stops", async () => {
  const on = service().on("PATCH /v2/sessions/s1", delayed(2_000, v2Session({ status: "stopped" })));
  const client = on.client();
  const first = await client.v2.sessions.open({ profileId: PROFILE });
  const stopping = first.stop();
  expect(await rejection(client.v2.sessions.open({ profileId: PROFILE }))).toBeInstanceOf(ProfileInUseError);
  await stopping;
  await client.v2.sessions.open({ profileId: PROFILE });
});

test("A profile stays taken when the stop of its session is not confirmed", async () => {
  const on = service().on("PATCH /v2/sessions/s1", refusal(403, "no"));
  const client = on.client();
  const first = await client.v2.sessions.open({ profileId: PROFILE });
  await rejection(first.stop());
  expect(await rejection(client.v2.sessions.open({ profileId: PROFILE }))).toBeInstanceOf(ProfileInUseError);
});

test("A profile is free when its session is seen to have ended, or is gone when it is to be stopped", async () => {
  const on = service().on("GET /v2/sessions/s1", v2Session({ status: "stopped" }));
  const client = on.client();
  await (await client.v2.sessions.open({ profileId: PROFILE })).refresh();
  on.on("PATCH /v2/sessions/s1", refusal(404, "gone"));
  await (await client.v2.sessions.open({ profileId: PROFILE })).stop();
  await client.v2.sessions.open({ profileId: PROFILE });
});

test("A profile is free again after a one-shot run, however it ended", async () => {
  const on = service().on("PATCH /v2/sessions/s1", v2Session({ status: "stopped" }), refusal(404, "gone"));
  const client = on.client();
  await client.v2.run("One", { profileId: PROFILE });
  on.on("GET /v2/tasks/t1/status", refusal(404, "gone")).on("GET /v2/sessions/s1", refusal(404, "gone"));
  await rejection(client.v2.run("One", { profileId: PROFILE }));
  await client.v2.sessions.open({ profileId: PROFILE });
});

test.each<[string, Reply]>([
  ["402", refusal(402, "no credits")],
  ["404", refusal(404, "no such profile")],
  ["429", refusal(429, "Too many concurrent active sessions")],
  ["422", refusal(422, "no")],
])("A profile is free again when the service surely refused the session with %s", async (_, refused) => {
  const on = service().on("POST /v2/sessions", refused);
  const client = on.client({ maxRetries: 0 });
  await rejection(client.v2.sessions.open({ profileId: PROFILE }));
  on.on("POST /v2/sessions", v2Session());
  await client.v2.sessions.open({ profileId: PROFILE });
});

test.each<[string, Reply]>([
  ["a broken connection", reset()],
  ["silence", silence],
  ["a 500", answer(500)],
  ["an answer without an id", { status: "active" }],
  ["half an answer", () => new Response('{"id":', { status: 201 })],
])("A profile stays taken after %s, for as long as the session may live that perhaps was opened", async (_, lost) => {
  const on = service().on("POST /v2/sessions", lost);
  const client = on.client();
  expect(await rejection(client.v2.sessions.open({ profileId: PROFILE }))).toMatchObject({ outcome: "unknown" });
  on.on("POST /v2/sessions", v2Session());
  const lostAt = performance.now();
  await vi.advanceTimersByTimeAsync(15 * 60_000);
  expect(await rejection(client.v2.sessions.open({ profileId: PROFILE }))).toBeInstanceOf(ProfileInUseError);
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  await client.v2.sessions.open({ profileId: PROFILE });
  expect(performance.now() - lostAt).toBeLessThan(30 * 60_000);
});

test("A profile stays taken for four hours after a task that perhaps was started in a session of its own", async () => {
  const on = service().on("POST /v2/tasks", reset());
  const client = on.client();
  await rejection(client.v2.run("One", { profileId: PROFILE }));
  await vi.advanceTimersByTimeAsync(3.9 * 60 * 60_000);
  expect(await rejection(client.v2.sessions.open({ profileId: PROFILE }))).toBeInstanceOf(ProfileInUseError);
  await vi.advanceTimersByTimeAsync(0.2 * 60 * 60_000);
  await client.v2.sessions.open({ profileId: PROFILE });
});

test("A profile stays taken for as long as the browser may live that perhaps was opened", async () => {
  const on = service().on("POST /v3/browsers", reset());
  const client = on.client();
  await rejection(client.browsers.open({ profileId: PROFILE, timeoutMinutes: 90 }));
  await vi.advanceTimersByTimeAsync(85 * 60_000);
  expect(await rejection(client.v2.sessions.open({ profileId: PROFILE }))).toBeInstanceOf(ProfileInUseError);
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  await client.v2.sessions.open({ profileId: PROFILE });
});

test("A profile is free again when the session opened after its caller had left, and was stopped", async () => {
  const on = service().on("POST /v2/sessions", delayed(3_000, v2Session()), v2Session());
  const client = on.client();
  const { signal } = abortAfter(1_000);
  await rejection(client.v2.sessions.open({ profileId: PROFILE }, { signal }));
  expect(await rejection(client.v2.sessions.open({ profileId: PROFILE }))).toBeInstanceOf(ProfileInUseError);
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  await client.v2.sessions.open({ profileId: PROFILE });
});

test("A profile that is wrong in itself, or a wrong option with it, takes nothing", async () => {
  const client = service().client();
  await rejection(client.v2.sessions.open({ profileId: PROFILE }, { timeoutMs: -1 }));
  await rejection(client.v2.sessions.open({ profileId: PROFILE, browserScreenWidth: 1 }));
  await rejection(client.v2.run("", { profileId: PROFILE }));
  await client.v2.sessions.open({ profileId: PROFILE });
});

test("A profile can be shared on purpose, and a shared one keeps nobody out", async () => {
  const on = service();
  const client = on.client();
  const shared = { profileAccess: "shared" } as const;
  await client.v2.sessions.open({ profileId: PROFILE }, shared);
  await client.v2.sessions.open({ profileId: PROFILE });
  await client.v3.sessions.open({ profileId: PROFILE }, shared);
  await client.v2.run("One", { profileId: PROFILE, ...shared });
  expect(await rejection(client.browsers.open({ profileId: PROFILE }))).toBeInstanceOf(ProfileInUseError);
  expect(on.bodies("POST /v3/sessions")).toEqual([{ profileId: PROFILE, keepAlive: true }]);
});

test("A session that shared a profile does not give back what another one holds", async () => {
  const client = service().client();
  const shared = await client.v3.sessions.open({ profileId: PROFILE }, { profileAccess: "shared" });
  await client.v2.sessions.open({ profileId: PROFILE });
  await shared.stop();
  expect(await rejection(client.browsers.open({ profileId: PROFILE }))).toBeInstanceOf(ProfileInUseError);
});

test("An access of another name is refused before anything is sent", async () => {
  const on = new Service();
  const opening = on.client().v2.sessions.open({ profileId: PROFILE }, { profileAccess: "mine" as "shared" });
  expect(await rejection(opening)).toBeInstanceOf(InvalidInputError);
});

test("Sessions without a profile, and profiles of their own, are in nobody's way", async () => {
  const client = service().client();
  await client.v2.sessions.open({ profileId: null });
  await client.v2.sessions.open({ profileId: null });
  await client.v2.sessions.open();
  await client.v2.sessions.open({ profileId: PROFILE });
  await client.v2.sessions.open({ profileId: "7b1d7a4e-0000-4000-8000-00000000000b" });
});

import { expect, onTestFinished, test } from "vitest";
import { createEmulator, type Emulator, type EmulatorOptions, type TaskJob } from "../../../src/emulator/index.ts";
import {
  type BrowserUse,
  ProfileInUseError,
  RunFailedError,
  SessionBusyError,
  type SessionNotStoppedError,
  UploadError,
} from "../../../src/index.ts";
import { clientOf, rejection } from "../../support/clients.ts";

interface SetUp {
  readonly emulator: Emulator;
  readonly client: BrowserUse;
  readonly another: () => BrowserUse;
  readonly leaks: readonly SessionNotStoppedError[];
}

function setUp(options: EmulatorOptions = {}): SetUp {
  const emulator = createEmulator({ startDelayMs: 1, ...options });
  onTestFinished(() => emulator.close());
  const leaks: SessionNotStoppedError[] = [];
  const { apiKey, fetch } = emulator;
  const another = () => clientOf(emulator, { apiKey, fetch, onSessionNotStopped: (error) => void leaks.push(error) });
  return { emulator, client: another(), another, leaks };
}

const text = (data: Uint8Array | undefined) => new TextDecoder().decode(data);
const bytes = (content: string) => new TextEncoder().encode(content);
const open = ({ emulator }: SetUp) => emulator.sessions().filter((session) => session.open);

/** Plays an agent that works until it is told to stop. */
function never({ signal }: TaskJob): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

test("A run reads the files that it was given, tells its steps, answers, and saves its profile", async () => {
  const at = setUp({
    onTask: async ({ files, state, step }) => {
      await step({ summary: "Open the shop", url: "https://shop.test/" });
      state.set("shop.test/session", "logged in");
      await step({ summary: "Read the files" });
      return [...files].map(([path, data]) => `${path}: ${text(data)}`).join("; ");
    },
  });
  const { id: profileId } = await at.client.profiles.create({ name: "acme" });
  const told: string[] = [];
  const { output, costUsd, startedAt, finishedAt } = await at.client.v4.runs.run("Add them up", {
    files: [
      { name: "a.csv", data: bytes("1,2") },
      { name: "a.csv", data: bytes("3,4") },
    ],
    browserSettings: { profileId },
    onStep: ({ number, summary, url }) => void told.push([number, summary, url].join(" ")),
  });
  expect(output).toMatch(/a\.csv: 1,2; .*a-2\.csv: 3,4/);
  expect(told.filter((line) => /Open|Read/.test(line))).toEqual([
    expect.stringMatching(/^\d Open the shop https:\/\/shop\.test\/$/),
    expect.stringMatching(/^\d Read the files/),
  ]);
  expect(costUsd).toBeGreaterThan(0);
  expect(Number(finishedAt)).toBeGreaterThanOrEqual(Number(startedAt));
  expect(open(at)).toEqual([]);
  expect(at.emulator.profileState(profileId)).toEqual(new Map([["shop.test/session", "logged in"]]));
  expect(at.leaks).toEqual([]);
});

test("A browser that is kept alive still knows in follow-ups what it knew, and they leave it open", async () => {
  const at = setUp({
    onTask: ({ task, state }) => {
      state.set("tasks", `${state.get("tasks") ?? ""}${task};`);
      return state.get("tasks");
    },
  });
  const first = await at.client.v4.runs.run("one", { keepAlive: true });
  expect(open(at)).toHaveLength(1);
  const { sessionId } = first.raw as { sessionId: string };
  const second = await at.client.v4.runs.run("two", { sessionId });
  const third = await at.client.v4.runs.start("three", { sessionId });
  expect([first.output, second.output, (await third.result()).output]).toEqual(["one;", "one;two;", "one;two;three;"]);
  expect(third.sessionId).toBe(sessionId);
  expect(open(at)).toHaveLength(1);
});

test("A session with a run at work takes no other, and the run goes on", async () => {
  let finish: (answer: string) => void = () => {};
  const answer = new Promise<string>((resolve) => {
    finish = resolve;
  });
  const at = setUp({ onTask: () => answer });
  const run = await at.client.v4.runs.start("Go");
  expect(await rejection(at.client.v4.runs.start("Go on", { sessionId: run.sessionId }))).toBeInstanceOf(
    SessionBusyError,
  );
  await expect.poll(() => at.emulator.sessions()[0]?.status).toBe("running");
  finish("done");
  expect(await run.result()).toMatchObject({ output: "done" });
});

test("Another process waits for a run by its reference, or by its id alone, and sees the steps from the first one on", async () => {
  const at = setUp({ onTask: ({ step }) => step({ summary: "Only step" }).then(() => "done") });
  const run = await at.client.v4.runs.start("Go");
  await run.result();
  const other = at.another();
  expect((await other.resume(JSON.parse(JSON.stringify(run))).result()).output).toBe("done");
  const attached = other.v4.runs.attach(run.id);
  const summaries: string[] = [];
  for await (const { summary } of attached.steps()) summaries.push(summary);
  expect(summaries).toContain("Only step");
  expect(attached.sessionId).toBe(run.sessionId);
});

test("A run that is aborted is cancelled, its agent is told, and nothing is left open", async () => {
  const at = setUp({ onTask: never });
  const control = new AbortController();
  const running = rejection(at.client.v4.runs.run("Go", { signal: control.signal }));
  await expect.poll(() => at.emulator.sessions()[0]?.status).toBe("running");
  control.abort(new Error("enough"));
  expect(await running).toBe(control.signal.reason);
  expect(at.emulator.sessions()).toMatchObject([{ status: "cancelled", open: false }]);
  expect(at.leaks).toEqual([]);
});

test("Closing the client cancels what it waits for, and leaves what it has started to its caller", async () => {
  const at = setUp({ onTask: never });
  const started = await at.client.v4.runs.start("Go");
  const running = rejection(at.client.v4.runs.run("Go"));
  await expect.poll(() => at.emulator.sessions().map(({ status }) => status)).toEqual(["running", "running"]);
  await at.client.close();
  expect(await running).toBeInstanceOf(RunFailedError);
  expect(at.emulator.sessions().map(({ status, open }) => [status, open])).toEqual([
    ["running", true],
    ["cancelled", false],
  ]);
  await started.stop();
  expect(await rejection(started.result())).toMatchObject({ result: { status: "cancelled" } });
});

test("A run whose files are not there is cancelled, and says which", async () => {
  const at = setUp({ onTask: never });
  const nowhere = "f11e0000-0000-4000-8000-000000000003";
  const error = await rejection(at.client.v4.runs.run("Go", { attachedFileIds: [nowhere] }));
  expect(error).toBeInstanceOf(UploadError);
  expect(error).toMatchObject({ fileName: nowhere });
  expect(at.emulator.sessions()).toMatchObject([{ status: "cancelled", open: false }]);
});

test("What fails has on its result why, and its browser is stopped all the same", async () => {
  const at = setUp({ onTask: () => Promise.reject(new Error("The site is down")) });
  const error = await rejection(at.client.v4.runs.run("Go"));
  expect(error).toMatchObject({ code: "run_failed", result: { raw: { error: "The site is down" } } });
  expect(open(at)).toEqual([]);
});

test("What a started run has left is ended with its session: its browser is stopped, its profile saved, and its slot free", async () => {
  const at = setUp({
    maxSessions: 1,
    onTask: ({ state }) => {
      state.set("shop.test/session", "logged in");
      return "done";
    },
  });
  const { id: profileId } = await at.client.profiles.create({ name: "acme" });
  const browserSettings = { profileId };
  const run = await at.client.v4.runs.start("Go", { browserSettings });
  await run.result();
  expect(open(at)).toHaveLength(1);
  expect(await rejection(at.client.profiles.delete(profileId))).toBeInstanceOf(ProfileInUseError);
  await at.client.v4.sessions.stop(run.sessionId);
  expect(open(at)).toEqual([]);
  expect(at.emulator.profileState(profileId)).toEqual(new Map([["shop.test/session", "logged in"]]));
  expect((await at.client.v4.runs.run("Go", { browserSettings })).output).toBe("done");
  await at.client.profiles.delete(profileId);
});

test("A session is stopped while its run is at work: the agent is told", async () => {
  const at = setUp({ onTask: never });
  const run = await at.client.v4.runs.start("Go");
  await expect.poll(() => at.emulator.sessions()[0]?.status).toBe("running");
  await at.another().v4.sessions.stop(run.sessionId);
  expect(at.emulator.sessions()).toMatchObject([{ status: "cancelled", open: false }]);
  expect(await rejection(run.result())).toMatchObject({ result: { status: "cancelled" } });
});

test("A message that waits in a session that is stopped does not go on alone", async () => {
  const at = setUp({ onTask: never });
  const run = await at.client.v4.runs.start("Go");
  await expect.poll(() => at.emulator.sessions()[0]?.status).toBe("running");
  const params = { path: { session_id: run.sessionId } };
  await at.client.api.POST("/v4/sessions/{session_id}/queue", { params, body: { text: "And then" } });
  await at.client.v4.sessions.stop(run.sessionId);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(open(at)).toEqual([]);
});

test("Sixty runs at once get their own answers", async () => {
  const at = setUp({ maxSessions: 100, onTask: ({ task }) => `answer of ${task}` });
  const runs = await Promise.all(Array.from({ length: 60 }, (_, index) => at.client.v4.runs.start(`t${index}`)));
  const answers = await Promise.all(runs.map(async (run) => (await run.result()).output));
  expect(answers).toEqual(runs.map((_, index) => `answer of t${index}`));
});

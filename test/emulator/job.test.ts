import { expect, test } from "vitest";
import type { TaskJob } from "../../src/emulator/index.ts";
import type { Schema } from "../../src/emulator/operations.ts";
import { type Api, emulated, gate, MISSING, outcome } from "./support.ts";

type OutputFile = Schema<"V2TaskOutputFileResponse">;

const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

async function download(url: string): Promise<string> {
  const response = await fetch(url);
  return `${response.status} ${response.headers.get("content-type")} ${await response.text()}`;
}

/** What an agent saw go wrong. */
async function caught(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => "nothing",
    (error: unknown) => error,
  );
}

test("in v2 the files an agent leaves are its task's output files, by the names it gave them", async () => {
  const api = await emulated({
    startDelayMs: 1,
    onTask: async (job) => {
      await job.write("report.csv", "old");
      await job.write("images/shot.png", new Uint8Array([104, 105]), "image/png");
      await job.write("report.csv", "a;b\n", "text/csv");
    },
  });
  const { id } = await api.taskV2({});
  const { outputFiles } = await api.endedTask(id);

  expect(outputFiles.map(({ fileName }) => fileName)).toEqual(["report.csv", "images/shot.png"]);
  const get = async (file: string) => (await api.get<OutputFile>(`/v2/files/tasks/${id}/output-files/${file}`)).body;
  const found = await Promise.all(outputFiles.map((file) => get(file.id)));
  expect(found.map((file) => ({ id: file.id, fileName: file.fileName }))).toEqual(outputFiles);
  expect(await Promise.all(found.map((file) => download(file.downloadUrl)))).toEqual([
    "200 text/csv a;b\n",
    "200 image/png hi",
  ]);
  api.emulator.advance(5 * 60_000);
  expect(await outcome(await fetch(found[0]?.downloadUrl ?? ""))).toBe("403 AccessDenied");
  expect(await download((await get(outputFiles[0]?.id ?? "")).downloadUrl)).toBe("200 text/csv a;b\n");
});

test("a file that is written again keeps its id", async () => {
  const written = gate();
  const again = gate();
  const onTask = async (job: TaskJob) => {
    await job.write("a", "1");
    written.open();
    await again.promise;
    await job.write("a", "22");
  };
  const api = await emulated({ startDelayMs: 1, onTask });
  const { id } = await api.taskV2({});
  await written.promise;
  const early = (await api.get<Schema<"V2TaskView">>(`/v2/tasks/${id}`)).body.outputFiles;
  again.open();

  expect(early).toHaveLength(1);
  expect((await api.endedTask(id)).outputFiles).toEqual(early);
});

test("an output file is of one task only, and gone with its session", async () => {
  const api = await emulated({ startDelayMs: 1, onTask: (job) => job.write("a", "1") });
  const sessionId = await api.sessionV2();
  const one = await api.endedTask((await api.taskV2({ sessionId })).id);
  const two = await api.endedTask((await api.taskV2({ sessionId })).id);
  const of = (task: string, file: string | undefined) =>
    api.get<OutputFile>(`/v2/files/tasks/${task}/output-files/${file}`);
  const { status, body } = await of(one.id, one.outputFiles[0]?.id);

  expect(status).toBe(200);
  expect(await of(two.id, one.outputFiles[0]?.id)).toMatchObject({
    status: 404,
    body: { detail: "Output file not found" },
  });
  expect((await of(one.id, MISSING)).status).toBe(404);
  expect((await of(MISSING, MISSING)).status).toBe(404);
  await api.delete(`/v2/sessions/${sessionId}`);
  expect(await outcome(await fetch(body.downloadUrl))).toBe("404 NoSuchKey");
});

test("in v3 the agent finds what the workspace holds, at any time, and leaves its files there", async () => {
  const asked = gate<TaskJob>();
  const more = gate();
  const api = await emulated({
    startDelayMs: 1,
    onTask: async (job) => {
      asked.open(job);
      await more.promise;
      await job.write("results/out.csv", "x;y", "text/csv");
      return [...job.files].map(([path, bytes]) => `${path}=${text(bytes)}`).join(" ");
    },
  });
  const workspaceId = await api.workspace();
  await api.uploadV3(workspaceId, "in.csv", "1");
  const { id } = (await api.post<{ id: string }>("/v3/sessions", { task: "t", workspaceId })).body;
  expect([...(await asked.promise).files.keys()]).toEqual(["uploads/in.csv"]);
  await api.uploadV3(workspaceId, "late.csv", "2");
  more.open();

  expect((await api.statusV3(id, "stopped")).output).toBe("uploads/in.csv=1 uploads/late.csv=2 results/out.csv=x;y");
  const { files } = await api.filesV3(workspaceId, { prefix: "results", includeUrls: "true" });
  expect(files.map(({ path, size }) => [path, size])).toEqual([["results/out.csv", 3]]);
  expect(await download(files[0]?.url ?? "")).toBe("200 text/csv x;y");
});

test("in v3 an agent without a workspace is told so, and has no files", async () => {
  const seen = gate<[unknown, number]>();
  const api = await emulated({
    startDelayMs: 1,
    onTask: async (job) => seen.open([await caught(job.write("a", "1")), job.files.size]),
  });
  const { id } = (await api.post<{ id: string }>("/v3/sessions", { task: "t" })).body;

  const [error, size] = await seen.promise;
  expect(String(error)).toBe(`Error: Session ${id} has no workspace to write files to: give it a workspaceId.`);
  expect(size).toBe(0);
});

test("in v3 an agent whose workspace was deleted is told so", async () => {
  const deleted = gate();
  const seen = gate<unknown>();
  const api = await emulated({
    startDelayMs: 1,
    onTask: async (job) => {
      await deleted.promise;
      seen.open(await caught(job.write("a", "1")));
    },
  });
  const workspaceId = await api.workspace();
  await api.post("/v3/sessions", { task: "t", workspaceId });
  await api.delete(`/v3/workspaces/${workspaceId}`);
  deleted.open();

  expect(String(await seen.promise)).toContain(`Workspace ${workspaceId} of session`);
});

test("a file that fails fails the task of an agent that waits for it", async () => {
  const api = await emulated({ startDelayMs: 1, onTask: (job) => job.write("a", "1") });
  const { id } = (await api.post<{ id: string }>("/v3/sessions", { task: "t" })).body;

  await api.statusV3(id, "error");
  const { messages } = await api.messagesV3(id);
  expect(messages.at(-1)?.data).toContain("has no workspace to write files to");
});

test("a name that no file can have is a TypeError", async () => {
  const seen = gate<unknown[]>();
  const names = ["", "/a", "../a", "a/../b", "a/", "a\\b", "a\0"];
  const onTask = async (job: TaskJob) =>
    seen.open(await Promise.all(names.map((name) => caught(job.write(name, "1")))));
  const api = await emulated({ startDelayMs: 1, onTask });
  const { id } = await api.taskV2({});

  for (const error of await seen.promise) expect(error).toBeInstanceOf(TypeError);
  expect((await api.endedTask(id)).outputFiles).toEqual([]);
});

test("a task that is over takes no more files, whether its agent waits or not", async () => {
  const seen = gate<unknown>();
  const running = gate();
  const api = await emulated({
    startDelayMs: 1,
    onTask: async (job) => {
      running.open();
      await new Promise((resolve) => job.signal.addEventListener("abort", resolve));
      void job.write("a", "1");
      seen.open([await caught(job.write("b", "1")), job.signal.reason]);
    },
  });
  const { id } = await api.taskV2({});
  await running.promise;
  await api.patch(`/v2/tasks/${id}`, { action: "stop" });

  const [error, reason] = (await seen.promise) as [unknown, unknown];
  expect(error).toBe(reason);
  expect((await api.endedTask(id)).outputFiles).toEqual([]);
});

test("what an agent does with its bytes after writing does not change the file", async () => {
  const data = new TextEncoder().encode("as it was");
  const onTask = async (job: TaskJob) => {
    await job.write("a", data);
    data.fill(0);
  };
  const api = await emulated({ startDelayMs: 1, onTask });
  const { id, outputFiles } = await api.endedTask((await api.taskV2({})).id);
  const { body } = await api.get<OutputFile>(`/v2/files/tasks/${id}/output-files/${outputFiles[0]?.id}`);

  expect(await download(body.downloadUrl)).toBe("200 application/octet-stream as it was");
});

test("in v2 the agent's files are those that were there at the dispatch", async () => {
  const seen = gate<number[]>();
  const onTask = async (job: TaskJob) => {
    const before = job.files.size;
    await job.write("a", "1");
    seen.open([before, job.files.size]);
  };
  const api: Api = await emulated({ startDelayMs: 1, onTask });
  await api.taskV2({});

  expect(await seen.promise).toEqual([0, 0]);
});

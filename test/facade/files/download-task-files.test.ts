import { expect, test } from "vitest";
import { InvalidInputError, NotFoundError } from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import { answer, type Reply, refusal, Service, useFastTime } from "../../support/service.ts";
import { v2Task } from "../../support/views.ts";

useFastTime();

const link = (name: string) => `https://files.test/${name}?X-Amz-Signature=1`;
const ofText =
  (text: string): Reply =>
  () =>
    new Response(text, { headers: { "Content-Length": `${text.length}` } });
const FILE = "GET /v2/files/tasks/t1/output-files/f1";
const LOGS = "GET /v2/tasks/t1/logs";

function withFile(id: string, fileName: string, text: string, on = new Service()): Service {
  const signed = { id, fileName, downloadUrl: link(id) };
  return on.on(`GET /v2/files/tasks/t1/output-files/${id}`, signed).on(`GET ${link(id)}`, ofText(text));
}

test("A file that a task has written comes under its name, and is asked for once", async () => {
  const service = withFile("f1", "invoices.csv", "a,b");
  const file = await service.client().files.download({ taskId: "t1", fileId: "f1" });
  expect(file.path).toBe("invoices.csv");
  expect(file.raw).toEqual({ id: "f1", fileName: "invoices.csv" });
  expect(await file.text()).toBe("a,b");
  expect(service.operations).toEqual([FILE, `GET ${link("f1")}`]);
});

test("A link to a file that the service fails to make is asked for again, and so is one that has expired", async () => {
  const service = withFile("f1", "invoices.csv", "a,b");
  const signed = (name: string) => ({ id: "f1", fileName: "invoices.csv", downloadUrl: link(name) });
  service.on(FILE, refusal(500, "Failed to generate download URL"), signed("old"), signed("new"));
  service.on(`GET ${link("old")}`, answer(403)).on(`GET ${link("new")}`, ofText("a,b"));
  const file = await service.client().files.download({ taskId: "t1", fileId: "f1" });
  expect(await file.text()).toBe("a,b");
});

test("All files of a task are found by the task alone", async () => {
  const outputFiles = [
    { id: "f1", fileName: "a.csv" },
    { id: "f2", fileName: "b.csv" },
  ];
  const service = withFile("f1", "a.csv", "one", withFile("f2", "b.csv", "two"));
  service.on("GET /v2/tasks/t1", v2Task({ outputFiles }));
  const found: string[] = [];
  for await (const file of service.client().files.downloads({ taskId: "t1" }))
    found.push(`${file.path}: ${await file.text()}`);
  expect(found).toEqual(["a.csv: one", "b.csv: two"]);
});

test("The log of a task is asked for when it is read", async () => {
  const service = new Service().on(LOGS, { downloadUrl: link("log") }).on(`GET ${link("log")}`, ofText("step 1"));
  const log = service.client().files.logs({ taskId: "t1" });
  expect(service.sent).toEqual([]);
  expect(log.path).toBe("t1.log");
  expect(await log.text()).toBe("step 1");
});

test("What is not there is said as the service says it", async () => {
  const gone = refusal(404, "Not found");
  const service = new Service().on(FILE, gone).on(LOGS, gone).on("GET /v2/tasks/t1", gone);
  const { files } = service.client();
  expect(await rejection(files.download({ taskId: "t1", fileId: "f1" }))).toBeInstanceOf(NotFoundError);
  expect(await rejection(files.downloads({ taskId: "t1" }).next())).toBeInstanceOf(NotFoundError);
  expect(await rejection(files.logs({ taskId: "t1" }).bytes())).toBeInstanceOf(NotFoundError);
});

test("Ids that cannot be, and what is misspelled, are refused before anything is sent", async () => {
  const service = new Service();
  const { files } = service.client();
  const wrong = [undefined, null, {}, { taskId: "" }, { taskId: ".." }, { taskId: "t1", sessionId: "s1" }] as never[];
  for (const target of wrong) {
    expect(() => files.logs(target)).toThrow(InvalidInputError);
    expect(() => files.downloads(target)).toThrow(InvalidInputError);
    expect(await rejection(files.download(target))).toBeInstanceOf(InvalidInputError);
  }
  expect(await rejection(files.download({ taskId: "t1" } as never))).toBeInstanceOf(InvalidInputError);
  expect(await rejection(files.download({ taskId: "t1", fileId: ".." }))).toBeInstanceOf(InvalidInputError);
  expect(service.sent).toEqual([]);
});

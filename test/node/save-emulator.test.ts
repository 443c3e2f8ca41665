import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type EmulatorOptions, startEmulator } from "../../src/emulator/index.ts";
import { BrowserUse } from "../../src/index.ts";
import { saveFile, saveFiles } from "../../src/node.ts";
import { digest, someBytes } from "../support/file-store.ts";

const DATA = someBytes(300_000);

async function cloud(options: EmulatorOptions = {}) {
  const emulator = await startEmulator(options);
  onTestFinished(() => emulator.close());
  const folder = mkdtempSync(join(tmpdir(), "save-emulator-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const browserUse = new BrowserUse({ apiKey: emulator.apiKey, baseUrl: emulator.url });
  return { emulator, browserUse, folder, text: (path: string) => readFileSync(join(folder, path), "utf8") };
}

test("What a task has written is saved in a line, and its log is read in another", async () => {
  const { browserUse, folder, text } = await cloud({
    onTask: async (job) => {
      await job.step({ summary: "Fetch the invoices" });
      await job.write("invoices.csv", "a,b\n");
      await job.write("2026/march.txt", "fine");
    },
  });
  await browserUse.v2.sessions.use({}, async (session) => {
    const run = await session.start("Fetch the invoices");
    await run.result();
    const saved = await saveFiles(browserUse.files.downloads({ taskId: run.id }), folder);
    expect(saved.map(({ path, sizeBytes }) => [path, sizeBytes]).sort()).toEqual([
      [join(folder, "2026/march.txt"), 4],
      [join(folder, "invoices.csv"), 4],
    ]);
    expect([text("invoices.csv"), text("2026/march.txt")]).toEqual(["a,b\n", "fine"]);
    expect(await browserUse.files.logs({ taskId: run.id }).text()).toContain("Fetch the invoices");
  });
});

test("What a browser has downloaded is saved, also long after it was listed, and is resumed where it was left", async () => {
  const { emulator, browserUse, folder } = await cloud();
  const browser = await browserUse.browsers.open();
  for (let i = 0; i < 120; i++) emulator.addDownload(browser.id, { path: `sub/${i}.txt`, data: `file ${i}` });
  emulator.addDownload(browser.id, { path: "big.bin", data: DATA });
  const listed = [];
  for await (const download of browser.downloads()) listed.push(download);
  expect(listed).toHaveLength(121);
  emulator.advance(16 * 60_000);
  await saveFiles(listed.slice(0, 4), folder);
  expect(digest(readFileSync(join(folder, "big.bin")))).toBe(digest(DATA));
  const saved = await saveFiles(browser.downloads(), folder, { resume: true });
  expect(saved.filter(({ wasThere }) => wasThere)).toHaveLength(4);
  expect(readdirSync(join(folder, "sub"))).toHaveLength(120);
  await browser.stop();
});

test("A recording is there some time after the stop, and its link is asked for again when it has expired", async () => {
  const { emulator, browserUse, folder, text } = await cloud({ startDelayMs: 300 });
  const session = await browserUse.v2.sessions.open({ enableRecording: true });
  await session.stop();
  const [recording, ...more] = await session.recordings();
  expect(more).toEqual([]);
  emulator.advance(2 * 60 * 60_000);
  if (recording) await saveFile(recording, join(folder, "recording.mp4"));
  expect(text("recording.mp4")).toBe("recording of the emulator");
});

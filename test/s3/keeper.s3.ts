import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";

const STARTER = `
  import { spawn } from "node:child_process";
  import { Keeper } from "./test/s3/keeper.ts";
  const keeper = new Keeper(process.argv[1]);
  const children = [1, 2].map(() => spawn("sleep", ["600"], { detached: true, stdio: "ignore" }));
  for (const child of children) keeper.take(child);
  console.log(children.map(({ pid }) => pid).join());
  process.stdin.once("data", () => keeper.close().then(() => process.exit()));
`;

/** Whether a process runs; one that has ended and that nobody has asked about does not. */
function runs(id: number): boolean {
  try {
    process.kill(id, 0);
  } catch {
    return false;
  }
  const about = `/proc/${id}/stat`;
  return !existsSync(about) || !readFileSync(about, "utf8").includes(") Z ");
}

test.each<[string, (starter: ChildProcess) => unknown]>([
  ["is killed", (starter) => starter.kill("SIGKILL")],
  ["ends as it should", (starter) => starter.stdin?.write("end")],
])("Nothing is left of an object store whose starter %s: no process and no folder", async (_, end) => {
  const folder = await mkdtemp(join(tmpdir(), "browser-use-s3-keeper-"));
  await writeFile(join(folder, "object"), "bytes");
  const starter = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", STARTER, folder], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => void starter.kill("SIGKILL"));
  const [line] = await once(createInterface(starter.stdout), "line");
  const ids = String(line).split(",").map(Number);
  expect(ids.map(runs)).toEqual([true, true]);
  end(starter);
  await once(starter, "exit");
  await expect.poll(() => existsSync(folder), { timeout: 10_000 }).toBe(false);
  await expect.poll(() => ids.map(runs), { timeout: 10_000 }).toEqual([false, false]);
});

import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

/** All files of this package that an entry loads, types included: what only types need is not loaded, but read by who compiles. */
function reachedFrom(entry: string): Set<string> {
  const reached = new Set<string>();
  const queue = [entry];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    const from = dirname(file);
    queue.push(...importsOf(file).map((name) => relative(".", join(from, name))));
  }
  return reached;
}

function importsOf(file: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(file, "utf8"));
  return importedFiles.map(({ fileName }) => fileName).filter((name) => name.startsWith("."));
}

const isSkyverns = (file: string) => /^src\/(skyvern|generated\/skyvern)/.test(file);

test.each(["index", "pool", "redis", "node", "webhooks"])("src/%s.ts reaches no file of Skyvern's", (entry) => {
  const reached = [...reachedFrom(`src/${entry}.ts`)];
  expect(reached.length).toBeGreaterThan(3);
  expect(reached.filter(isSkyverns)).toEqual([]);
});

test("src/skyvern.ts reaches the files of Skyvern's, so that the check would see them", () => {
  const reached = [...reachedFrom("src/skyvern.ts")].filter(isSkyverns);
  expect(reached).toContain("src/skyvern/client.ts");
  expect(reached).toContain("src/generated/skyvern/limits.ts");
});

test("src/skyvern.ts loads no module of Node's, and none of the emulator", () => {
  const files = [...reachedFrom("src/skyvern.ts")];
  expect(files.filter((file) => /emulator|^src\/node/.test(file))).toEqual([]);
  const modules = files.flatMap((file) => ts.preProcessFile(readFileSync(file, "utf8")).importedFiles);
  const packages = modules.map(({ fileName }) => fileName).filter((name) => !name.startsWith("."));
  expect([...new Set(packages)]).toEqual(["openapi-fetch"]);
});

import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readYaml } from "../../scripts/spec/read.ts";
import { parseMapping } from "../../scripts/spec/yaml.ts";

const FILE = "given.yaml";

test("YAML and JSON give the same", () => {
  expect(parseMapping('{ "a": [1, { "b": null }] }', FILE)).toEqual(parseMapping("a:\n  - 1\n  - b:\n", FILE));
  expect(parseMapping("{ a: 1 }", FILE)).toEqual({ a: 1 });
});

test("aliases may be used, and stand for what they name", () => {
  expect(parseMapping("a: &a { b: 1 }\nc: [*a, *a]", FILE)).toEqual({ a: { b: 1 }, c: [{ b: 1 }, { b: 1 }] });
});

const many = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, at) => line(at)).join("\n");

test.each([
  ["nothing", "", "holds no mapping; is it the right file?"],
  ["a list", "- 1", "holds no mapping; is it the right file?"],
  ["a syntax error", "a: 1\nb: [", "line 2: is no YAML"],
  ["a key given twice", "a: 1\nb:\n  c: 1\n  c: 2", "line 4: is no YAML (Map keys must be unique); correct it"],
  ["an alias of nothing", "a: 1\nb: *c", "line 2: is no YAML (Unresolved alias c); correct it"],
  ["an alias of what comes later", "a: *b\nb: &b 1", "line 1: is no YAML (Unresolved alias b); correct it"],
  ["several documents", "a: 1\n---\nb: 1", "line 2: is no YAML"],
  ["a list that contains itself", "a: &a [*a]", "has a part that contains itself; write a $ref instead"],
  ["a document that contains itself", "&a\nb: *a", "has a part that contains itself; write a $ref instead"],
  [
    "too many aliases",
    `a: &a 1\nb:\n${many(10_001, () => "- *a")}`,
    "has more than 10000 aliases; write out what they name",
  ],
  [
    "aliases that multiply",
    `a0: &a0 [1, 1]\n${many(40, (at) => `a${at + 1}: &a${at + 1} [*a${at}, *a${at}]`)}`,
    "holds more than 5000000 values once its aliases are written out; use fewer of them",
  ],
  [
    "aliases that nest",
    `a0: &a0 [1]\n${many(300, (at) => `a${at + 1}: &a${at + 1} [*a${at}]`)}`,
    "is nested more than 200 levels deep; is it the right file?",
  ],
  ["brackets in brackets", `a: ${"[".repeat(1_000_000)}`, "is nested more than 200 levels deep; is it the right file?"],
  ["lists in lists, on one line", "- ".repeat(1_000_000), "is nested more than 200 levels deep; is it the right file?"],
  [
    "lists in lists, on lines of their own",
    many(2_000, (at) => `${" ".repeat(at)}-`),
    "is nested too deeply; is it the right file?",
  ],
  [
    "mappings in mappings in JSON",
    '{"a":'.repeat(1_000_000),
    "is nested more than 200 levels deep; is it the right file?",
  ],
  [
    "more than a description can hold",
    "- a\n".repeat(1_000_000),
    "holds too much for a description of an API; is it the right file?",
  ],
])("%s ends in one line", (_name, text, message) => {
  let said = "";
  try {
    parseMapping(text, FILE);
  } catch (error) {
    said = String(error);
  }

  expect(said).toMatch(/^SpecError: given\.yaml: .*$/);
  expect(said).toContain(message);
});

test("ten thousand keys are read in one pass", () => {
  expect(
    Object.keys(
      parseMapping(
        many(10_000, (at) => `key${at}: 1`),
        FILE,
      ),
    ),
  ).toHaveLength(10_000);
});

test("a file of 50 MB, a directory and a missing file are refused before anything is read", async () => {
  const root = await mkdtemp(join(tmpdir(), "yaml-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  await writeFile(join(root, "huge.yaml"), "");
  await truncate(join(root, "huge.yaml"), 50_000_000);

  await expect(readYaml(root, "huge.yaml")).rejects.toThrow("huge.yaml: has 50 MB; at most 16 are read");
  await expect(readYaml(root, ".")).rejects.toThrow(".: cannot be read; add it");
  await expect(readYaml(root, "gone.yaml")).rejects.toThrow("gone.yaml: cannot be read; add it");
});

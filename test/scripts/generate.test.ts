import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { generateCommand } from "../../scripts/spec/command.ts";
import { generatedFiles } from "../../scripts/spec/generate.ts";
import { repositoryRoot } from "../../scripts/spec/pipeline.ts";
import { type Loose, seeded, sound, soundAs, sourcesOf } from "./fixture.ts";

/** The same content with the keys of every mapping in another order. */
function shuffled(value: Loose, random: () => number): Loose {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, random));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, child]) => ({ key, child: shuffled(child, random), at: random() }));
  return Object.fromEntries(entries.sort((a, b) => a.at - b.at).map(({ key, child }) => [key, child]));
}

test("the same input gives the same bytes, whatever the order of keys and of versions", async () => {
  const random = seeded(31);
  const expected = await generatedFiles(await sourcesOf({ v8: soundAs("v8"), v9: soundAs("v9") }));

  for (let round = 0; round < 5; round++) {
    const sources = await sourcesOf({ v9: shuffled(soundAs("v9"), random), v8: shuffled(soundAs("v8"), random) });
    expect(await generatedFiles(sources)).toEqual(expected);
  }
});

test("a further version needs its two files and a line in the registry, and changes nothing of the others", async () => {
  const one = await generatedFiles(await sourcesOf({ v8: soundAs("v8") }));
  const two = await generatedFiles(await sourcesOf({ v8: soundAs("v8"), v9: soundAs("v9") }));

  const types = (files: typeof one) => files.find(({ path }) => path.endsWith("api.ts"))?.content ?? "";
  const schema = (name: string) => new RegExp(`^ {8}${name}: {[^}]*}`, "m");
  expect(types(two)).toMatch(schema("V9Thing"));
  expect(types(two).match(schema("V8Thing"))?.[0]).toBe(types(one).match(schema("V8Thing"))?.[0]);
});

test("--check is content with what was just generated, and names what has changed since", async () => {
  const sources = await sourcesOf({ v9: sound() });
  await generateCommand([], sources);
  expect(await generateCommand(["--check"], sources)).toEqual({ exitCode: 0, line: "generated files are up to date" });

  await writeFile(join(sources.root, "src/generated/api.ts"), "// edited by hand\n");
  await rm(join(sources.root, "src/generated/limits.ts"));

  expect(await generateCommand(["--check"], sources)).toEqual({
    exitCode: 1,
    line: "out of date: src/generated/api.ts, src/generated/limits.ts; run npm run generate",
  });
});

test("--check writes nothing", async () => {
  const sources = await sourcesOf({ v9: sound() });

  const { exitCode } = await generateCommand(["--check"], sources);

  expect(exitCode).toBe(1);
  await expect(readFile(join(sources.root, "src/generated/api.ts"))).rejects.toThrow("ENOENT");
});

test("nothing is written when any part of the input is wrong", async () => {
  const files = sound();
  delete files.structure.paths["/things"].post.requestBody;
  const sources = await sourcesOf({ v9: files });

  const outcome = await generateCommand([], sources);

  expect(outcome.line).toBe(
    "merged document: POST /v9/things: has x-facade but no JSON body; remove the mark in the overlay",
  );
  await expect(readFile(join(sources.root, "src/generated/openapi.yaml"))).rejects.toThrow("ENOENT");
});

test("what a library stumbles over while a file is generated becomes one line, and nothing is written", async () => {
  const files = sound();
  files.structure.components.schemas.Thing.properties.note.pattern = "(";
  const sources = await sourcesOf({ v9: files });

  const outcome = await generateCommand([], sources);

  expect(outcome).toEqual({
    exitCode: 1,
    line: expect.stringMatching(
      /^merged document of Things: cannot be turned into validators \(.+\); correct it in the spec$/,
    ),
  });
  await expect(readFile(join(sources.root, "src/generated/openapi.yaml"))).rejects.toThrow("ENOENT");
});

test.each([
  ["a: [", /^openapi\/v9\.yaml: line 1: is no YAML \(.+\); correct it$/],
  ["a: 1\na: 2\n", /^openapi\/v9\.yaml: line 2: is no YAML \(Map keys must be unique\); correct it$/],
  ["\u0000\u0001PNG", /^openapi\/v9\.yaml: .+$/],
  ["", /^openapi\/v9\.yaml: holds no mapping; is it the right file\?$/],
  ["- one\n- two\n", /^openapi\/v9\.yaml: holds no mapping; is it the right file\?$/],
  ["swagger: '2.0'\n", /^openapi\/v9\.yaml: is no OpenAPI document; it must begin with "openapi: 3\.1\.0"$/],
  ["openapi: 3.1.0\ninfo: {}\n", /^openapi\/v9\.yaml: paths: is missing; list the operations under it$/],
])("a structure file that reads %j is refused with one line", async (structure, line) => {
  const outcome = await generateCommand([], await sourcesOf({ v9: { ...sound(), structure } }));

  expect(outcome.exitCode).toBe(1);
  expect(outcome.line).toMatch(line);
});

test("a missing file is refused by name", async () => {
  const sources = await sourcesOf({ v9: sound() });
  await rm(join(sources.root, "openapi/v9.overlay.yaml"));

  expect(await generateCommand([], sources)).toEqual({
    exitCode: 1,
    line: "openapi/v9.overlay.yaml: cannot be read; add it, or correct its name in scripts/versions.ts",
  });
});

test("security schemes are shared, so versions that differ in them are refused", async () => {
  const other = soundAs("v9");
  other.structure.components.securitySchemes.APIKeyHeader.name = "X-Other";

  const outcome = await generateCommand([], await sourcesOf({ v8: soundAs("v8"), v9: other }));

  expect(outcome.line).toBe(
    "openapi/v9.yaml: components.securitySchemes.APIKeyHeader: differs from another version's, but is shared; make them equal",
  );
});

test("an argument that is not known is refused", async () => {
  expect(await generateCommand(["--chekc"])).toEqual({ exitCode: 2, line: "usage: npm run generate [-- --check]" });
});

test("what is committed in src/generated is up to date", async () => {
  const { stdout } = await promisify(execFile)("node", ["--import", "tsx", "scripts/generate.ts", "--check"], {
    cwd: repositoryRoot,
  });

  expect(stdout).toBe("generated files are up to date\n");
});

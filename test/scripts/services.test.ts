import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { generateCommand } from "../../scripts/spec/command.ts";
import type { GeneratedFile } from "../../scripts/spec/emitters.ts";
import { generatedFiles } from "../../scripts/spec/generate.ts";
import { mergedDocument, type Sources } from "../../scripts/spec/pipeline.ts";
import { type ApiVersion, type Service, services, versions } from "../../scripts/versions.ts";
import { type Files, type Loose, registered, soundAs, sourcesOf, writeVersion } from "./fixture.ts";

const OTHER = "https://other.test";

/** A second vendor beside the one of {@link sourcesOf}: another server, another key, another directory. */
function other(names: readonly string[]): Service {
  const named = names.map((name) => registered(name, OTHER));
  return { title: "Others", server: OTHER, output: "src/generated/other", versions: named };
}

function otherFiles(name: string): Files {
  const files = soundAs(name, OTHER);
  files.structure.components.securitySchemes.APIKeyHeader.name = "X-Other-Key";
  return files;
}

interface Two extends Required<Sources> {
  readonly first: Service;
  readonly second: Service;
}

/** Two vendors in one place: the first with the given versions, the second likewise. */
async function two(first: readonly string[], second: readonly string[]): Promise<Two> {
  const fixture = await sourcesOf(Object.fromEntries(first.map((name) => [name, soundAs(name)])));
  for (const name of second) await writeVersion(fixture.root, name, otherFiles(name));
  const service = other(second);
  return { root: fixture.root, first: fixture.service, second: service, services: [fixture.service, service] };
}

const below = (files: readonly GeneratedFile[], { output }: Service): GeneratedFile[] =>
  files.filter(({ path }) => new RegExp(`^${output}/[^/]+$`).test(path));

test("each vendor has files of its own, the same as if there were no other", async () => {
  const { root, first, second } = await two(["v8", "v9"], ["w1"]);

  const files = await generatedFiles({ root, services: [first, second] });

  expect(new Set(files.map(({ path }) => path)).size).toBe(files.length);
  expect(below(files, first)).toEqual(await generatedFiles({ root, services: [first] }));
  expect(below(files, second)).toEqual(await generatedFiles({ root, services: [second] }));
  expect(below(files, first)).toHaveLength(below(files, second).length);
});

test("nothing of one vendor's versions shows in the other's files", async () => {
  const { root, first, second } = await two(["v8", "v9"], ["w1"]);

  const files = await generatedFiles({ root, services: [first, second] });

  const mentioning = (service: Service, what: RegExp) =>
    below(files, service).filter(({ content }) => what.test(content));
  expect(mentioning(first, /w1|Others|other\.test|X-Other/i)).toEqual([]);
  expect(mentioning(second, /\bv[89]|_v[89]|things\.test|X-Key/i)).toEqual([]);
  expect(mentioning(second, /\/w1\/things/)).toHaveLength(4);
});

test("a version that one vendor adds changes no byte of the other's", async () => {
  const before = await two(["v8"], ["w1"]);
  const after = await two(["v8", "v9"], ["w1"]);

  const [old, fresh] = [await generatedFiles(before), await generatedFiles(after)];

  expect(below(fresh, after.second)).toEqual(below(old, before.second));
  expect(below(fresh, after.first)).not.toEqual(below(old, before.first));
});

test("a vendor's document has its own title, its own server and its own key", async () => {
  const { root, first, second } = await two(["v8"], ["w1"]);

  const [one, another]: Loose[] = [
    await mergedDocument({ root, service: first }),
    await mergedDocument({ root, service: second }),
  ];

  expect([one.info.title, another.info.title]).toEqual(["Things", "Others"]);
  expect([one.servers, another.servers]).toEqual([[{ url: first.server }], [{ url: OTHER }]]);
  expect(one.components.securitySchemes.APIKeyHeader.name).toBe("X-Key");
  expect(another.components.securitySchemes.APIKeyHeader.name).toBe("X-Other-Key");
});

test("what is wrong with one vendor's files keeps those of all from being written", async () => {
  const { root, services: both } = await two(["v8"], ["w1"]);
  await writeFile(join(root, "openapi/w1.yaml"), "- no mapping\n");

  const outcome = await generateCommand([], { root, services: both });

  expect(outcome).toEqual({ exitCode: 1, line: "openapi/w1.yaml: holds no mapping; is it the right file?" });
  await expect(readFile(join(root, "src/generated/api.ts"))).rejects.toThrow("ENOENT");
});

test("--check looks at the files of every vendor", async () => {
  const { root, services: both } = await two(["v8"], ["w1"]);
  await generateCommand([], { root, services: both });
  await writeFile(join(root, "src/generated/other/limits.ts"), "// edited by hand\n");

  expect(await generateCommand(["--check"], { root, services: both })).toEqual({
    exitCode: 1,
    line: "out of date: src/generated/other/limits.ts; run npm run generate",
  });
});

test("overlays are applied in the order of the registration, the version's own last", async () => {
  const { root, service } = await sourcesOf({ v8: soundAs("v8") });
  const files = ["first", "second"].map((name) => `openapi/${name}.overlay.yaml`);
  for (const [index, file] of files.entries()) {
    const update = { "x-order": index, "x-first": index === 0 ? "here" : undefined, summary: file };
    await writeFile(
      join(root, file),
      stringify({ overlay: "1.0.0", actions: [{ target: "$.paths['/things'].get", update }] }),
    );
  }
  const reordered = (version: ApiVersion) => ({ ...version, overlays: [...files, ...version.overlays] });

  const merged: Loose = await mergedDocument({
    root,
    service: { ...service, versions: service.versions.map(reordered) },
  });

  expect(merged.paths["/v8/things"].get).toMatchObject({ "x-order": 1, "x-first": "here", summary: "List things" });
});

test("in the registry, names of versions and directories of vendors are given once", () => {
  const names = versions.map(({ name }) => name);
  const outputs = services.map(({ output }) => output);

  expect(new Set(names).size).toBe(names.length);
  expect(new Set(outputs).size).toBe(outputs.length);
});

test("in the registry, every version lives below its vendor's server under its own name", () => {
  const pairs = services.flatMap(({ server, versions: own }) => own.map((version) => ({ server, version })));

  expect(pairs.filter(({ server, version }) => version.server !== `${server}/${version.name}`)).toEqual([]);
});

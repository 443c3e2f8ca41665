import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { importCommand } from "../../scripts/import/command.ts";
import { repositoryRoot } from "../../scripts/spec/pipeline.ts";
import { versions } from "../../scripts/versions.ts";
import { fixturePath } from "./import-fixture.ts";

const page = fileURLToPath(fixturePath("page.md"));

/** A directory of its own, which goes away with the test. */
async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "import-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

test("an import writes the file, and says class by class what it did", async () => {
  const out = join(await folder(), "v2.yaml");

  const { exitCode, text } = await importCommand([page, "--as", "v2", "--out", out]);

  expect(exitCode).toBe(0);
  expect(text.split("\n")).toEqual([
    `${page} (Markdown page, 3 fragments): 3 operations, 6 schemas`,
    "repaired:",
    "     3  documents put together to one (8 schemas in them, 6 different)",
    "     3  documents without info, or with that of one endpoint",
    "     3  documents without servers",
    "     4  enum entries written as objects",
    "     1  literal entries of an enum (type: stringLiteral)",
    "     2  additionalProperties that are a text instead of true",
    "     3  operations whose tags are lists in a list",
    "     3  operations that take the key as a header parameter",
    "     3  operationIds in kebab case",
    "     1  answers without content (204) that have a body",
    "     4  errors with empty content, given the body that the API's errors have ({ detail })",
    "     1  types written in place that were given a name, put back",
    "     1  bodies that do not say whether they are required",
    "dropped:",
    "     8  descriptions, titles, summaries, examples",
    "     1  schemas and other components that nothing uses",
    "lost, not repaired:",
    "     1  paging parameters without default and range",
    "     1  optional query parameters of a source that has no default and no range anywhere",
    `written: ${out}`,
  ]);
});

test("what was found and could not be repaired is not called repaired", async () => {
  const { text } = await importCommand([
    fileURLToPath(fixturePath("empty-success-content.yaml")),
    "--as",
    "v2",
    "--dry-run",
  ]);

  expect(text.split("\n").slice(1, 3)).toEqual([
    "left as it is:",
    "     1  successes with empty content, typed as unknown",
  ]);
});

test("importing again, or importing what was written, changes nothing", async () => {
  const out = join(await folder(), "v2.yaml");
  await importCommand([page, "--as", "v2", "--out", out]);
  const first = await readFile(out, "utf8");

  const again = await importCommand([page, "--as", "v2", "--out", out]);
  const itself = await importCommand([out, "--as", "v2", "--out", out]);

  expect([again, itself].map(({ text }) => text.split("\n").at(-1))).toEqual([
    `unchanged: ${out}`,
    `unchanged: ${out}`,
  ]);
  expect(await readFile(out, "utf8")).toBe(first);
});

test("a refused import leaves the old file untouched, and nothing beside it", async () => {
  const root = await folder();
  const [source, out] = [join(root, "source.md"), join(root, "v2.yaml")];
  await writeFile(source, (await readFile(page, "utf8")).replace("value: red", "name: red"));
  await writeFile(out, "old\n");

  const outcome = await importCommand([source, "--as", "v2", "--out", out]);

  expect(outcome).toEqual({
    exitCode: 1,
    text: `${source}: fragment 1 (line 16): components.schemas.Color.enum[0]: is an object without a plain value; write the value itself`,
  });
  expect(await readFile(out, "utf8")).toBe("old\n");
  expect((await readdir(root)).sort()).toEqual(["source.md", "v2.yaml"]);
});

test("a dry run reports and writes nothing", async () => {
  const root = await folder();

  const { exitCode, text } = await importCommand([page, "--as", "v2", "--dry-run", "--out", join(root, "v2.yaml")]);

  expect(exitCode).toBe(0);
  expect(text).toContain(`dry run: ${join(root, "v2.yaml")} is not touched`);
  expect(await readdir(root)).toEqual([]);
});

test("without --out the file of the version is meant", async () => {
  const { text } = await importCommand([page, "--as", "v2", "--dry-run", "--json"]);

  expect(JSON.parse(text)).toMatchObject({ version: "v2", out: "openapi/v2.yaml", result: "dry run" });
});

test("--json tells every class, found or not", async () => {
  const { text } = await importCommand([page, "--as", "v2", "--dry-run", "--json"]);

  const { repaired, operations } = JSON.parse(text);
  expect(operations).toBe(3);
  expect(repaired).toContainEqual({
    name: "enum-objects",
    description: "enum entries written as objects",
    found: 4,
    left: 0,
  });
  expect(repaired).toContainEqual(expect.objectContaining({ name: "long-names", found: 0 }));
});

test.each([
  [["--as", "v2"], /^give one file or address\nusage: /],
  [[page, page, "--as", "v2"], /^give one file or address\nusage: /],
  [[page], /^--as must be one of v2\|v3(\|v\d+)+\nusage: /],
  [[page, "--as", "v9"], /^--as must be one of v2\|v3(\|v\d+)+\nusage: /],
  [[page, "--as", "v2", "--ouput", "x"], /^Unknown option '--ouput'\nusage: /],
])("the arguments %j are refused with how it is used", async (args, text) => {
  expect(await importCommand(args)).toEqual({ exitCode: 2, text: expect.stringMatching(text) });
});

test("a file that is missing, is none, or cannot be written is named", async () => {
  const root = await folder();
  await mkdir(join(root, "folder"));
  const run = async (source: string, out: string): Promise<string> =>
    (await importCommand([join(root, source), "--as", "v2", "--out", join(root, out)])).text;
  await writeFile(join(root, "page.md"), await readFile(page));

  expect(await run("gone.yaml", "out.yaml")).toBe(`${join(root, "gone.yaml")}: cannot be read; is the name right?`);
  expect(await run("folder", "out.yaml")).toBe(`${join(root, "folder")}: is no file`);
  expect(await run("page.md", "no/such/out.yaml")).toBe(
    `${join(root, "no/such/out.yaml")}: cannot be written; is there such a directory?`,
  );
});

test.each(versions)(
  "what is committed of $title is in the order and the layout of an import",
  async ({ name, structure }) => {
    const { text } = await importCommand([join(repositoryRoot, structure), "--as", name, "--json", "--dry-run"]);
    const out = join(await folder(), "out.yaml");
    await importCommand([join(repositoryRoot, structure), "--as", name, "--out", out]);

    expect(JSON.parse(text).dropped.filter(({ found }: { found: number }) => found > 0)).toEqual([]);
    expect(await readFile(out, "utf8")).toBe(await readFile(join(repositoryRoot, structure), "utf8"));
  },
);

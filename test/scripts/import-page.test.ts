import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { problemsOf } from "../../scripts/spec/assertions.ts";
import { operationsOf } from "../../scripts/spec/document.ts";
import { lint } from "../../scripts/spec/lint.ts";
import type { Loose } from "./fixture.ts";
import { counts, fixturePath, imported, importFixture, lamps, refusal, version } from "./import-fixture.ts";

/** A page with one block of code per document. */
function pageOf(...documents: readonly Loose[]): string {
  const blocks = documents.map((document) => `\`\`\`yaml\n${stringify(document)}\`\`\`\n`);
  return `# Lamps\n\n${blocks.join("\n## Next\n\n")}`;
}

function another(change: (document: Loose) => void): Loose {
  const document = lamps();
  document.paths = { "/rooms": document.paths["/lamps"] };
  document.paths["/rooms"].get.operationId = "list_rooms";
  change(document);
  return document;
}

test("a page with one fragment per operation becomes one document, with every class of damage repaired and counted", async () => {
  const page = await importFixture("page.md");

  expect(operationsOf(page.document).map(({ key }) => key)).toEqual([
    "DELETE /lamps/{lamp_id}",
    "GET /lamps",
    "POST /lamps",
  ]);
  expect(counts(page)).toEqual({
    "one-document-per-operation": 3,
    "missing-info": 3,
    "missing-servers": 3,
    "enum-objects": 4,
    "literal-entries": 1,
    "any-type": 2,
    "nested-tags": 3,
    "key-parameter": 3,
    "kebab-operation-ids": 3,
    "no-content-with-body": 1,
    "empty-error-content": 4,
    "hoisted-types": 1,
    "body-without-required": 1,
    prose: 8,
    unreachable: 1,
    "paging-limits": 1,
    "all-limits": 1,
  });
  expect(page.report.repaired[0]?.note).toBe("8 schemas in them, 6 different");
});

test("what an import writes is content with every rule of the pipeline, but for what the overlay must say", async () => {
  const { document } = await importFixture("page.md");
  for (const { operation } of operationsOf(document))
    Object.assign(operation, { summary: "Ours", "x-repeatable": true });

  expect(await lint(document, "page.yaml")).toEqual([]);
  expect(problemsOf(document, version)).toEqual([]);
});

test("types written in place are put back where they were, and the key is no parameter", async () => {
  const { document } = await importFixture("page.md");

  expect(document.components.schemas.NewLamp.properties.dimmer).toEqual({
    oneOf: [{ type: "boolean" }, { type: "string", const: "auto" }],
  });
  expect(document.paths["/lamps"].post.parameters).toBeUndefined();
});

test("the order of the fragments, line ends and a byte order mark change nothing", async () => {
  const text = await readFile(fixturePath("page.md"), "utf8");
  const [intro = "", ...sections] = text.split(/^(?=### )/m);
  const expected = (await imported(text, "page.md")).text;

  expect((await imported(intro + sections.toReversed().join("\n"), "page.md")).text).toBe(expected);
  expect((await imported(`\uFEFF${text.replaceAll("\n", "\r\n")}`, "page.md")).text).toBe(expected);
});

test("an operation or a schema that is described twice and alike is taken once, whatever the order of keys", async () => {
  const shuffled = lamps();
  shuffled.components.schemas.Lamp = { required: ["id"], properties: { id: { type: "string" } }, type: "object" };

  const page = await imported(pageOf(lamps(), shuffled), "page.md");

  expect(page.document).toEqual((await imported(stringify(lamps()), "lamps.yaml")).document);
});

test("schemas that differ only in damage that is repaired are alike", async () => {
  const plain = another((document) => Object.assign(document.components.schemas.Lamp.properties.id, { enum: ["a"] }));
  const damaged = lamps();
  damaged.components.schemas.Lamp.properties.id = { type: "string", description: "Text", enum: [{ value: "a" }] };

  expect(
    (await imported(pageOf(plain, damaged), "page.md")).document.components.schemas.Lamp.properties.id.enum,
  ).toEqual(["a"]);
});

test("fragments with an info of their own each get that of the API, and one that they share is kept", async () => {
  const renamed = another((document) => Object.assign(document.info, { title: "Rooms" }));
  const alike = another(() => undefined);

  expect((await imported(pageOf(lamps(), renamed), "page.md")).document.info.title).toBe("Browser Use Cloud v2");
  expect((await imported(pageOf(lamps(), alike), "page.md")).document.info.title).toBe("Lamps");
});

test("a schema that is described twice and differently is refused, with both places and the difference", async () => {
  const other = another((document) =>
    Object.assign(document.components.schemas.Lamp.properties.id, { type: "integer" }),
  );

  expect(await refusal(pageOf(lamps(), other), "page.md")).toBe(
    "page.md: components.schemas.Lamp: is described differently (at properties.id.type) in fragment 1 (line 4) and fragment 2 (line 44)",
  );
});

test("an operation that is described twice and differently is refused, with both places", async () => {
  const other = lamps();
  other.paths["/lamps"].get.operationId = "other";

  expect(await refusal(pageOf(lamps(), other), "page.md")).toMatch(
    /^page\.md: GET \/lamps: is described differently \(at operationId\) in fragment 1 \(line 4\) and fragment 2 \(line \d+\)$/,
  );
});

test("a fragment that is no YAML is refused by its line on the page", async () => {
  const page = `${pageOf(lamps())}\n\`\`\`yaml\nopenapi: 3.1.0\npaths: [\n\`\`\`\n`;
  const line = page.split("\n").indexOf("paths: [") + 1;

  expect(await refusal(page, "page.md")).toMatch(
    new RegExp(`^page\\.md: line ${line}: is no YAML \\(.+\\); correct it$`),
  );
});

test("a page that ends within a fragment is refused: operations would be missing", async () => {
  const page = `${pageOf(lamps())}\n\`\`\`yaml\n${stringify(lamps()).slice(0, 300)}`;

  expect(await refusal(page, "page.md")).toMatch(
    /^page\.md: line \d+: opens a block of code that is never closed; the page is cut short$/,
  );
});

test("a page of another version is refused, by the addresses above its fragments", async () => {
  const page = (await readFile(fixturePath("page.md"), "utf8")).replaceAll("/api/v2/", "/api/v3/");

  expect(await refusal(page, "page.md")).toBe(
    "page.md: fragment 1 (line 16): describes https://api.browser-use.com/api/v3/lamps, which is not below https://api.browser-use.com/api/v2; is it really v2?",
  );
});

test("longer fences, tildes and indented blocks are read too, and other code is passed over", async () => {
  const text = stringify(lamps());
  const indented = text.replace(/^(?=.)/gm, "  ");
  const pages = [
    `\`\`\`\`yaml GET /lamps\n${text}\`\`\`\`\n`,
    `~~~\n${text}~~~\n`,
    `- Item\n\n  \`\`\`yaml\n${indented}  \`\`\`\n`,
  ];

  for (const page of pages) {
    const { report } = await imported(`# Page\n\n\`\`\`json\n{ "id": 1 }\n\`\`\`\n\n${page}`, "page.txt");
    expect(report).toMatchObject({ format: "page", fragments: 1, operations: 1 });
  }
});

test("a YAML file may hold code in its descriptions, and several documents", async () => {
  const described = lamps();
  described.info.description = "Like this:\n```yaml\nopenapi: 3.1.0\n```\n";

  const { report } = await imported(`${stringify(described)}---\n${stringify(another(() => undefined))}`, "lamps.txt");

  expect(report).toMatchObject({ format: "yaml", fragments: 2, operations: 2 });
});

/** Give SPEC_IMPORT_FILE the path of a real page, and SPEC_IMPORT_OPERATIONS how many operations it has. */
const { SPEC_IMPORT_FILE: realFile, SPEC_IMPORT_OPERATIONS: operations = "25" } = process.env;

test.skipIf(realFile === undefined)("a real page, given by path, becomes one valid document", async () => {
  const { report, text } = await imported(await readFile(realFile ?? ""), realFile ?? "");

  expect(report.operations).toBe(Number(operations));
  expect((await imported(text, "written.yaml")).text).toBe(text);
});

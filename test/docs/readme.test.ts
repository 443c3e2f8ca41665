import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const guides = readdirSync("docs").filter((file) => file.endsWith(".md"));
const pages = ["README.md", ...guides.map((file) => `docs/${file}`)];

/** The examples of a page, by the names of modules that they could be. */
function examplesOf(page: string): ReadonlyMap<string, string> {
  const blocks = [...readFileSync(page, "utf8").matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = ""]) => code);
  const name = basename(page, ".md").toLowerCase();
  return new Map(blocks.map((code, index) => [`${process.cwd()}/examples/${name}-example-${index + 1}.ts`, code]));
}

/** Compiles texts as modules of this project, without writing them anywhere. */
function complaints(sources: ReadonlyMap<string, string>): string[] {
  const { config } = ts.readConfigFile("tsconfig.json", ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ".");
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => sources.has(name) || fileExists(name);
  host.getSourceFile = (name, ...rest) => {
    const text = sources.get(name);
    return text === undefined ? getSourceFile(name, ...rest) : ts.createSourceFile(name, text, ts.ScriptTarget.ES2022);
  };
  const program = ts.createProgram([...sources.keys()], { ...options, noUnusedLocals: false }, host);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`);
}

function linksOf(page: string): string[] {
  const text = readFileSync(page, "utf8").replace(/^```.*?^```/gms, "");
  return [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, link = ""]) => link).filter((link) => !/^https?:/.test(link));
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = "", heading] = link.split("#");
  const target = path === "" ? page : join(dirname(page), path);
  if (!existsSync(target)) return false;
  const headings = [...readFileSync(target, "utf8").matchAll(/^#+ (.+)$/gm)].map(([, text = ""]) => anchorOf(text));
  return heading === undefined || headings.includes(heading);
}

/** As GitHub makes them. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

test.each(pages)("every example of %s compiles", { timeout: 60_000 }, (page) => {
  const sources = examplesOf(page);
  expect(sources.size).toBeGreaterThan(3);
  expect(complaints(sources)).toEqual([]);
});

test("the links between the pages, and to their headings, lead somewhere", () => {
  const broken = pages.flatMap((page) => linksOf(page).filter((link) => !leadsSomewhere(page, link)));
  expect(broken).toEqual([]);
});

test("a wrong example would be seen", { timeout: 60_000 }, () => {
  const wrong = 'import { BrowserUse } from "browser-use-client";\nnew BrowserUse().v2.sessions.start();\n';
  expect(complaints(new Map([[`${process.cwd()}/examples/wrong-example.ts`, wrong]]))).toHaveLength(1);
});

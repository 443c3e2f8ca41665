import { readFileSync } from "node:fs";
import ts from "typescript";
import { expect, test } from "vitest";

const blocks = [...readFileSync("README.md", "utf8").matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = ""]) => code);

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

test("every example of the README compiles", () => {
  const sources = new Map(blocks.map((code, index) => [`${process.cwd()}/examples/readme-${index + 1}.ts`, code]));
  expect(sources.size).toBeGreaterThan(3);
  expect(complaints(sources)).toEqual([]);
});

test("a wrong example would be seen", () => {
  const wrong = 'import { BrowserUse } from "browser-use-client";\nnew BrowserUse().v2.sessions.start();\n';
  expect(complaints(new Map([[`${process.cwd()}/examples/readme-wrong.ts`, wrong]]))).toHaveLength(1);
});

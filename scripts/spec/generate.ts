import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { emitters, type GeneratedFile } from "./emitters.ts";
import { mergedDocument, repositoryRoot, type Sources } from "./pipeline.ts";
import { fail } from "./problem.ts";

/** The text of every generated file. Writes nothing. */
export async function generatedFiles(sources: Sources = {}): Promise<GeneratedFile[]> {
  const document = await mergedDocument(sources);
  const files: GeneratedFile[] = [];
  for (const emit of emitters) files.push(...(await emit(document)));
  return files;
}

/** Writes the files. Nothing is written before all of them have been generated. */
export async function writeFiles(files: readonly GeneratedFile[], root: string = repositoryRoot): Promise<void> {
  for (const { path, content } of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content).catch(() => fail(path, "", "cannot be written; check its permissions"));
  }
}

/** Paths of the files whose text on disk is missing or not what would be generated now. */
export async function staleFiles(files: readonly GeneratedFile[], root: string = repositoryRoot): Promise<string[]> {
  const texts = await Promise.all(files.map(({ path }) => readFile(join(root, path), "utf8").catch(() => undefined)));
  return files.filter(({ content }, index) => content !== texts[index]).map(({ path }) => path);
}

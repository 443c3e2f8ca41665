import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { services as registered, type Service } from "../versions.ts";
import type { OpenApiDocument } from "./document.ts";
import { type Emitter, emitters, type GeneratedFile } from "./emitters.ts";
import { mergedDocument, repositoryRoot, type Sources } from "./pipeline.ts";
import { fail, SpecError } from "./problem.ts";

/** The text of every generated file, of one vendor after the other. Writes nothing. */
export async function generatedFiles({ root, services = registered }: Sources = {}): Promise<GeneratedFile[]> {
  const files: GeneratedFile[] = [];
  for (const service of services) files.push(...(await filesOf(service, root)));
  return files;
}

async function filesOf(service: Service, root: string = repositoryRoot): Promise<GeneratedFile[]> {
  const document = await mergedDocument({ root, service });
  const files: GeneratedFile[] = [];
  for (const emitter of emitters) files.push(...(await emitted(emitter, document)));
  return files.map(({ path, content }) => ({ path: `${service.output}/${path}`, content }));
}

/** An emitter stands on a library, which may stumble over what the checks let pass: a pattern that is none, say. */
async function emitted({ output, emit }: Emitter, document: OpenApiDocument): Promise<GeneratedFile[]> {
  try {
    return await emit(document);
  } catch (error) {
    if (error instanceof SpecError) throw error;
    return fail(
      `merged document of ${document.info.title}`,
      "",
      `cannot be turned into ${output} (${String(error)}); correct it in the spec`,
    );
  }
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

import { generatedFiles, staleFiles, writeFiles } from "./generate.ts";
import type { Sources } from "./pipeline.ts";
import { SpecError } from "./problem.ts";

/** How a command ended: what to print, and where. */
export interface Outcome {
  readonly exitCode: 0 | 1 | 2;
  readonly line: string;
}

/**
 * `npm run generate`: writes the generated files, or with `--check` tells which are out of date.
 *
 * What is wrong with the input becomes one line per problem; anything else is a bug of ours, and is thrown.
 */
export async function generateCommand(args: readonly string[], sources: Sources = {}): Promise<Outcome> {
  if (args.some((arg) => arg !== "--check")) return { exitCode: 2, line: "usage: npm run generate [-- --check]" };
  try {
    return args.includes("--check") ? await check(sources) : await write(sources);
  } catch (error) {
    if (error instanceof SpecError) return { exitCode: 1, line: error.message };
    throw error;
  }
}

async function check(sources: Sources): Promise<Outcome> {
  const stale = await staleFiles(await generatedFiles(sources), sources.root);
  if (stale.length === 0) return { exitCode: 0, line: "generated files are up to date" };
  return { exitCode: 1, line: `out of date: ${stale.join(", ")}; run npm run generate` };
}

async function write(sources: Sources): Promise<Outcome> {
  const files = await generatedFiles(sources);
  await writeFiles(files, sources.root);
  return { exitCode: 0, line: `wrote ${files.map(({ path }) => path).join(", ")}` };
}

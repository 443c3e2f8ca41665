import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What the compiler says of a project. */
export interface TypeCost {
  readonly instantiations: number;
  readonly types: number;
  readonly checkSeconds: number;
}

const OPTIONS = {
  target: "es2022",
  lib: ["es2023", "dom", "dom.iterable", "dom.asynciterable"],
  module: "nodenext",
  strict: true,
  skipLibCheck: true,
  noEmit: true,
  types: [],
};

/** Checks one file, where the given packages are installed. `packages`: their folders, by name. */
export async function typeCost(text: string, packages: Readonly<Record<string, string>>): Promise<TypeCost> {
  const folder = await mkdtemp(join(tmpdir(), "bench-"));
  try {
    await mkdir(join(folder, "node_modules"));
    for (const [name, from] of Object.entries(packages)) await symlink(from, join(folder, "node_modules", name));
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    await writeFile(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions: OPTIONS, files: ["consumer.ts"] }),
    );
    await writeFile(join(folder, "consumer.ts"), text);
    return await diagnostics(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function diagnostics(folder: string): Promise<TypeCost> {
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
  const { stdout } = await run(process.execPath, [tsc, "-p", folder, "--extendedDiagnostics"]).catch((error) => {
    throw new Error(`The consumer's file does not compile: ${error.stdout}`);
  });
  const numberAfter = (name: string) => Number(new RegExp(`^${name}:\\s+([\\d.]+)`, "m").exec(stdout)?.[1]);
  return {
    instantiations: numberAfter("Instantiations"),
    types: numberAfter("Types"),
    checkSeconds: numberAfter("Check time"),
  };
}

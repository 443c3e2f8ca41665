import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

/** A program as it runs at its user's. */
export interface Bundle extends AsyncDisposable {
  readonly program: URL;
}

/** Bundles a program of this package with all it imports from here: `tsx` would give each function its name anew whenever it is made. */
export async function bundle(name: string): Promise<Bundle> {
  const outdir = await mkdtemp(join(tmpdir(), "bench-"));
  const entry = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  await build({
    entryPoints: [entry],
    outdir,
    bundle: true,
    platform: "node",
    format: "esm",
    outExtension: { ".js": ".mjs" },
  });
  return {
    program: pathToFileURL(join(outdir, `${name}.mjs`)),
    [Symbol.asyncDispose]: () => rm(outdir, { recursive: true }),
  };
}

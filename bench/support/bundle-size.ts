import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** What an import adds to a bundle. */
export interface BundleSize {
  readonly minifiedBytes: number;
  readonly gzipBytes: number;
  /** Minified, by the file that it is from. */
  readonly files: ReadonlyMap<string, number>;
}

/** Bundles what this text imports, with all its dependencies but Node's own modules. Paths count from `folder`. */
export async function bundleSize(text: string, folder: string): Promise<BundleSize> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: text, resolveDir: folder },
    absWorkingDir: folder,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "node",
    write: false,
    metafile: true,
  });
  const contents = outputFiles[0]?.contents ?? new Uint8Array();
  const inputs = Object.entries(Object.values(metafile.outputs)[0]?.inputs ?? {});
  const files = new Map(inputs.map(([file, { bytesInOutput }]) => [file, bytesInOutput]));
  return { minifiedBytes: contents.length, gzipBytes: gzipSync(contents, { level: 9 }).length, files };
}

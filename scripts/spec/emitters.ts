import { emitValidators } from "../emit-validators.ts";
import type { OpenApiDocument } from "./document.ts";
import { emitLimits } from "./emit-limits.ts";
import { emitTypes } from "./emit-types.ts";
import { emitYaml } from "./emit-yaml.ts";

/** A generated file. */
export interface GeneratedFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly content: string;
}

/** Derives files from the merged document. The same document must give the same bytes. */
export type Emitter = (document: OpenApiDocument) => GeneratedFile[] | Promise<GeneratedFile[]>;

/** Everything that is generated. To generate more, add a line. */
export const emitters: readonly Emitter[] = [
  (document) => [{ path: "src/generated/openapi.yaml", content: emitYaml(document) }],
  async (document) => [{ path: "src/generated/api.ts", content: await emitTypes(document) }],
  (document) => [{ path: "src/generated/limits.ts", content: emitLimits(document) }],
  emitValidators,
];

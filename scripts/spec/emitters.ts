import { emitValidators } from "../emit-validators.ts";
import type { OpenApiDocument } from "./document.ts";
import { emitLimits } from "./emit-limits.ts";
import { emitTypes } from "./emit-types.ts";
import { emitYaml } from "./emit-yaml.ts";

/** A generated file. */
export interface GeneratedFile {
  /** Relative to the repository; as an emitter gives it, to the vendor's own directory. */
  readonly path: string;
  readonly content: string;
}

/** Derives files from the merged document of a vendor. */
export interface Emitter {
  /** What it makes, for messages. */
  readonly output: string;
  /** The same document must give the same bytes. */
  emit(document: OpenApiDocument): GeneratedFile[] | Promise<GeneratedFile[]>;
}

/** Everything that is generated. To generate more, add an entry. */
export const emitters: readonly Emitter[] = [
  { output: "YAML", emit: (document) => [{ path: "openapi.yaml", content: emitYaml(document) }] },
  { output: "types", emit: async (document) => [{ path: "api.ts", content: await emitTypes(document) }] },
  { output: "limits", emit: (document) => [{ path: "limits.ts", content: emitLimits(document) }] },
  { output: "validators", emit: emitValidators },
];

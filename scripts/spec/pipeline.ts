import { fileURLToPath } from "node:url";
import { type ApiVersion, browserUse, type Service } from "../versions.ts";
import { danglingReferences, problemsOf } from "./assertions.ts";
import type { Node, OpenApiDocument } from "./document.ts";
import { lint } from "./lint.ts";
import { withMarks } from "./marks.ts";
import { merge, type VersionDocument } from "./merge.ts";
import { applyOverlay, overlayActions } from "./overlay.ts";
import { failOn } from "./problem.ts";
import { asDocument, readYaml } from "./read.ts";
import { completeRequired } from "./requiredness.ts";

/** Where to read from. Left out: this repository and its registered vendors. */
export interface Sources {
  readonly root?: string;
  readonly services?: readonly Service[];
}

/** One vendor, and where to read it from. Left out: this repository, and the vendor that it is named after. */
export interface OneSource {
  readonly root?: string;
  readonly service?: Service;
}

/** The repository's own root directory. */
export const repositoryRoot: string = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Reads, overlays, checks and merges all versions of one vendor.
 *
 * @throws {@link SpecError} with one line per problem.
 */
export async function mergedDocument({
  root = repositoryRoot,
  service = browserUse,
}: OneSource = {}): Promise<OpenApiDocument> {
  const parts: VersionDocument[] = [];
  for (const version of service.versions) parts.push({ version, document: await completeVersion(root, version) });
  return merge(parts, service);
}

async function completeVersion(root: string, version: ApiVersion): Promise<OpenApiDocument> {
  const structure = await readYaml(root, version.structure);
  asDocument(structure, version.structure);
  const document = asDocument(await withOverlays(structure, root, version), version.structure);
  failOn(danglingReferences(document, version));
  failOn(await lint(document, version.structure));
  failOn(problemsOf(document, version));
  return withMarks(completeRequired(document), version);
}

/** Applies the overlays of a version, its own last. */
export async function withOverlays(structure: Node, root: string, { overlays }: ApiVersion): Promise<Node> {
  let document = structure;
  for (const file of overlays) {
    document = applyOverlay(document, overlayActions(await readYaml(root, file), file), file);
  }
  return document;
}

import { fileURLToPath } from "node:url";
import { type ApiVersion, mergedServer, versions as registered } from "../versions.ts";
import { danglingReferences, problemsOf } from "./assertions.ts";
import type { Node, OpenApiDocument } from "./document.ts";
import { lint } from "./lint.ts";
import { merge, type VersionDocument } from "./merge.ts";
import { applyOverlay, overlayActions } from "./overlay.ts";
import { failOn } from "./problem.ts";
import { asDocument, readYaml } from "./read.ts";
import { completeRequired } from "./requiredness.ts";

/** Where to read from. Left out: this repository and its registered versions. */
export interface Sources {
  readonly root?: string;
  readonly versions?: readonly ApiVersion[];
}

/** The repository's own root directory. */
export const repositoryRoot: string = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Reads, overlays, checks and merges all versions.
 *
 * @throws {@link SpecError} with one line per problem.
 */
export async function mergedDocument({
  root = repositoryRoot,
  versions = registered,
}: Sources = {}): Promise<OpenApiDocument> {
  const parts: VersionDocument[] = [];
  for (const version of versions) parts.push({ version, document: await completeVersion(root, version) });
  return merge(parts, mergedServer);
}

async function completeVersion(root: string, version: ApiVersion): Promise<OpenApiDocument> {
  const structure = await readYaml(root, version.structure);
  asDocument(structure, version.structure);
  const document = asDocument(await withOverlays(structure, root, version), version.structure);
  failOn(danglingReferences(document, version));
  failOn(await lint(document, version.structure));
  failOn(problemsOf(document, version));
  return completeRequired(document);
}

/** Applies the overlays of a version, the shared one first. */
export async function withOverlays(
  structure: Node,
  root: string,
  { sharedOverlay, overlay }: ApiVersion,
): Promise<Node> {
  let document = structure;
  for (const file of sharedOverlay === undefined ? [overlay] : [sharedOverlay, overlay]) {
    document = applyOverlay(document, overlayActions(await readYaml(root, file), file), file);
  }
  return document;
}

import { parseSource } from "../import/parse.ts";
import { readSource as readBytes } from "../import/source.ts";
import { textOf } from "../import/text.ts";
import { isNode, type Node, type OpenApiDocument } from "../spec/document.ts";
import { applyOverlay, type OverlayAction, overlayActions } from "../spec/overlay.ts";
import { repositoryRoot, type Sources, withOverlays } from "../spec/pipeline.ts";
import { fail, SpecError } from "../spec/problem.ts";
import { readYaml } from "../spec/read.ts";
import { lookUp, referencesIn } from "../spec/references.ts";
import { type ApiVersion, services as registered, versionsOf } from "../versions.ts";
import type { Source } from "./diff.ts";

/** How a source is read. */
export interface ReadOptions extends Sources {
  /** Leave the overlays of a registered version out. */
  readonly structureOnly?: boolean;
  /** Apply the overlays of this version to files too, as far as they fit. */
  readonly as?: string | undefined;
}

/**
 * Reads what a user has named: a registered version (`v2`, with its overlays), or a file.
 *
 * @throws {@link SpecError} naming the file and what is wrong with it.
 */
export async function readSource(name: string, options: ReadOptions = {}): Promise<Source> {
  const { root = repositoryRoot, services = registered, structureOnly = false } = options;
  const versions = versionsOf(services);
  const version = versions.find((one) => one.name === name);
  if (version) {
    const structure = await readYaml(root, version.structure);
    return asSource(structureOnly ? unshared(structure) : await withOverlays(structure, root, version), name);
  }
  const ours = versions.find((one) => one.name === options.as);
  const document = await readFile(name);
  return asSource(ours ? await withFittingOverlays(document, root, ours) : document, name);
}

/** A file of another time need not have every place that an overlay speaks of. */
async function withFittingOverlays(document: Node, root: string, { overlays }: ApiVersion): Promise<Node> {
  let result = document;
  for (const file of overlays) {
    for (const action of overlayActions(await readYaml(root, file), file)) result = ifItFits(result, action, file);
  }
  return result;
}

function ifItFits(document: Node, action: OverlayAction, file: string): Node {
  try {
    return applyOverlay(document, [action], file);
  } catch (error) {
    if (error instanceof SpecError) return document;
    throw error;
  }
}

async function readFile(name: string): Promise<Node> {
  const { file, bytes } = await readBytes(name);
  const { format, fragments } = await parseSource(textOf(bytes, file), file);
  const [only, more] = fragments;
  if (format === "page" || more)
    fail(file, "", "holds several descriptions; make one of them with npm run spec:import");
  return only?.document ?? fail(file, "", "holds no description of an API");
}

/** YAML aliases share what they name; to be told apart, every place must be one of its own. */
function unshared(node: Node): Node {
  return JSON.parse(JSON.stringify(node)) as Node;
}

function asSource(node: Node, file: string): Source {
  const { openapi, paths, components } = node;
  if (typeof openapi !== "string") fail(file, "", 'is no OpenAPI document; it must begin with "openapi: 3.1.0"');
  if (!/^3\.1\.\d+$/.test(openapi)) fail(file, "", `is OpenAPI ${openapi}, but only 3.1 is understood; convert it`);
  if (!isNode(paths)) fail(file, "paths", "is missing; list the operations under it");
  const [stray] = Object.entries(paths).find(([path, item]) => path.startsWith("/") && !isNode(item)) ?? [];
  if (stray !== undefined) fail(file, stray, "holds something else than operations; write get, post, … as mappings");
  // The outline was checked just above; every part beyond it is read as optional.
  const document = { servers: [], ...node, components: isNode(components) ? components : {} } as unknown;
  return { document: withoutDangling(document as OpenApiDocument, file), file };
}

function withoutDangling(document: OpenApiDocument, file: string): OpenApiDocument {
  const [first, ...others] = [...referencesIn(document)].filter(({ target }) => lookUp(document, target) === undefined);
  if (first === undefined) return document;
  const more = others.length === 0 ? "" : `, and ${others.length} more do so`;
  return fail(file, first.place, `refers to ${first.target}, which is not in this file${more}; add it or correct it`);
}

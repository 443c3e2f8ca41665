import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Finding } from "../diff/change.ts";
import { diff } from "../diff/diff.ts";
import { readSource as readDocument } from "../diff/source.ts";
import { type Imported, importSpec } from "../import/import.ts";
import { save } from "../import/save.ts";
import { readSource } from "../import/source.ts";
import { generatedFiles, writeFiles } from "../spec/generate.ts";
import { withOverlays } from "../spec/pipeline.ts";
import { SpecError } from "../spec/problem.ts";
import { asDocument, readYaml } from "../spec/read.ts";
import { undescribed } from "../spec/undescribed.ts";
import { type ApiVersion, type Service, versionsOf } from "../versions.ts";
import { withEntry } from "./changelog.ts";

/** A version, and where its description comes from. */
export interface Update {
  readonly version: ApiVersion;
  readonly source: string;
}

/** Where an update is carried out. */
export interface Place {
  readonly root: string;
  readonly services: readonly Service[];
  /** For the changelog: the day, as YYYY-MM-DD. */
  readonly today: string;
  readonly typeErrors: (root: string) => Promise<readonly string[]>;
}

/** What came in for one version, and what that means to callers. */
export interface VersionReport {
  readonly version: ApiVersion;
  readonly imported: Imported["report"];
  readonly isChanged: boolean;
  readonly findings: readonly Finding[];
}

/** What an update did, and what is left for a person. */
export interface UpdateReport {
  readonly versions: readonly VersionReport[];
  /** What stopped generation or types, one line each. */
  readonly problems: readonly string[];
  /** Places without hover text. */
  readonly undescribed: readonly string[];
  readonly isGenerated: boolean;
  readonly changelog: "written" | "unchanged";
}

type Arrival = VersionReport & { readonly text: string };

/**
 * Imports, compares, and then carries the change through. Nothing is written before every source has been read and understood.
 *
 * @throws {@link SpecError} for a source that cannot be imported.
 */
export async function update(updates: readonly Update[], place: Place): Promise<UpdateReport> {
  const arrivals: Arrival[] = [];
  for (const one of updates) arrivals.push(await arrive(one, place));
  for (const { version, text } of arrivals) await save(join(place.root, version.structure), text);
  const generating = await generate(place);
  const types = generating.length === 0 ? await place.typeErrors(place.root) : [];
  return {
    versions: arrivals.map(({ text: _, ...report }) => report),
    problems: [...generating, ...types],
    undescribed: await placesWithoutText(place),
    isGenerated: generating.length === 0,
    changelog: await record(arrivals, place),
  };
}

async function arrive({ version, source }: Update, { root, services }: Place): Promise<Arrival> {
  const { text, report } = await importSpec(await readSource(source), version);
  const old = await readFile(join(root, version.structure), "utf8").catch(() => undefined);
  const isChanged = old !== text;
  const findings = isChanged && old !== undefined ? await compare(text, version, { root, services }) : [];
  return { version, text, imported: report, isChanged, findings };
}

/** Both sides with the overlays, on the new one as far as they fit: so that open lists count as open. */
async function compare(
  text: string,
  { name }: ApiVersion,
  sources: Pick<Place, "root" | "services">,
): Promise<Finding[]> {
  const folder = await mkdtemp(join(tmpdir(), "spec-update-"));
  try {
    const file = join(folder, `${name}.yaml`);
    await writeFile(file, text);
    return diff(await readDocument(name, sources), await readDocument(file, { ...sources, as: name }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The lines of what is wrong; none when the generated files were written. */
async function generate({ root, services }: Place): Promise<readonly string[]> {
  try {
    await writeFiles(await generatedFiles({ root, services }), root);
    return [];
  } catch (error) {
    if (error instanceof SpecError) return error.message.split("\n");
    throw error;
  }
}

/** Asked of each version by itself: a document that cannot be merged yet may still lack texts. */
async function placesWithoutText({ root, services }: Place): Promise<string[]> {
  const places: string[] = [];
  for (const version of versionsOf(services)) {
    const structure = await readYaml(root, version.structure);
    const complete = await withOverlays(structure, root, version).catch(() => structure);
    if (complete === structure) continue; // An overlay does not fit; that is reported, and every text would be missing.
    const found = undescribed(asDocument(complete, version.structure));
    places.push(...found.map(({ place }) => `${version.name}: ${place}`));
  }
  return places;
}

async function record(arrivals: readonly Arrival[], { root, today }: Place): Promise<"written" | "unchanged"> {
  const file = join(root, "CHANGELOG.md");
  const old = await readFile(file, "utf8").catch(() => "# Changelog\n");
  const entries = arrivals.filter(({ findings }) => findings.length > 0);
  const fresh = entries.reduce((text, { version, findings }) => withEntry(text, version.title, findings, today), old);
  return fresh === old ? "unchanged" : save(file, fresh);
}

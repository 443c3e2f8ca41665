import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { mergedDocument, type OneSource } from "../../scripts/spec/pipeline.ts";
import { type Loose, sound, soundAs, sourcesOf } from "./fixture.ts";

const SHARED = "openapi/shared.overlay.yaml";

/** Two versions of the small API that share an overlay with the given actions. */
async function sharing(actions: readonly Loose[], own: readonly Loose[] = []): Promise<OneSource> {
  const nine = sound();
  nine.overlay.actions.push(...own);
  const { root, service } = await sourcesOf({ v8: soundAs("v8"), v9: nine });
  await writeFile(join(root, SHARED), stringify({ overlay: "1.0.0", actions }));
  const versions = service.versions.map((version) => ({ ...version, overlays: [SHARED, ...version.overlays] }));
  return { root, service: { ...service, versions } };
}

const describing = (description: string): Loose => ({
  target: "$.components.schemas.Thing.properties",
  update: { note: { description } },
});

test("a shared overlay reaches every version that names it, and a version's own comes after it", async () => {
  const merged: Loose = await mergedDocument(await sharing([describing("Shared.")], [describing("Own.")]));

  expect(merged.components.schemas.V8Thing.properties.note.description).toBe("Shared.");
  expect(merged.components.schemas.V9Thing.properties.note.description).toBe("Own.");
});

test("a shared action must match in every version, and is refused by the name of the shared file", async () => {
  const merged = mergedDocument(await sharing([{ target: "$.paths['/gone']", update: {} }]));

  await expect(merged).rejects.toThrow(`${SHARED}: $.paths['/gone']: matches nothing`);
});

import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { withEntry } from "../../scripts/update/changelog.ts";
import { updateCommand } from "../../scripts/update/command.ts";
import { type Loose, sound, sourcesOf } from "./fixture.ts";

const CHANGELOG = "# Changelog\n\n## 0.1.0 – unreleased\n\n- Something older.\n";

/** A repository with one version, and a description of it that a vendor publishes. */
async function repository(change: (structure: Loose) => void = () => {}) {
  const { root, services } = await sourcesOf({ v9: sound() });
  const { structure } = sound();
  change(structure);
  const published = join(root, "published.json");
  await writeFile(published, JSON.stringify(structure));
  await writeFile(join(root, "CHANGELOG.md"), CHANGELOG);
  await mkdir(join(root, "src/generated"), { recursive: true });
  const types: string[] = [];
  const run = (...args: string[]) =>
    updateCommand(args.length === 0 ? [`v9=${published}`] : args, {
      root,
      services,
      today: "2026-01-02",
      typeErrors: async () => types,
    });
  return { root, published, types, run, read: (file: string) => readFile(join(root, file), "utf8") };
}

describe("spec:update", () => {
  test("carries a change through to structure, generated files and changelog, in one report", async () => {
    const { run, read } = await repository((structure) => {
      structure.components.schemas.Thing.properties.colour = { type: "string" };
    });
    const { exitCode, output } = await run();
    expect(output).toContain("Thing.colour");
    expect(output).toContain("SemVer: minor");
    expect(await read("openapi/v9.yaml")).toContain("colour");
    expect(await read("src/generated/api.ts")).toContain("colour?: string");
    expect(await read("CHANGELOG.md")).toContain(
      "- Things v9 as of 2026-01-02: 0 breaking, 0 risky, 1 compatible changes.\n- Something older.",
    );
    expect(exitCode).toBe(0);
  });

  test("lists a new property that has no text", async () => {
    const { run } = await repository((structure) => {
      structure.components.schemas.Thing.properties.colour = { type: "string" };
    });
    expect((await run()).output).toMatch(/describe, in the overlay:\n(.*\n)*.*colour/);
  });

  test("says a breaking change is one, and which step of SemVer it asks for", async () => {
    const { run, read } = await repository((structure) => {
      delete structure.paths["/things"].get;
    });
    const { output } = await run();
    expect(output).toContain("BREAKING");
    expect(output).toContain("SemVer: major");
    expect(await read("CHANGELOG.md")).toContain("  - breaking: GET /things");
  });

  test("fails when an overlay speaks of what is gone, and leaves the generated files alone", async () => {
    const { run, read } = await repository((structure) => {
      delete structure.paths["/things/{thing_id}"];
    });
    await expect(read("src/generated/api.ts")).rejects.toThrow();
    const { exitCode, output } = await run();
    expect(exitCode).toBe(1);
    expect(output).toMatch(/mend:\n {2}openapi\/v9\.overlay\.yaml: .*matches nothing/);
    await expect(read("src/generated/api.ts")).rejects.toThrow();
  });

  test("fails when the code does not fit the new types", async () => {
    const { run, types } = await repository();
    types.push("src/x.ts(1,1): error TS2339: …");
    const { exitCode, output } = await run();
    expect(exitCode).toBe(1);
    expect(output).toContain("TS2339");
  });

  test("touches nothing when a source cannot be imported", async () => {
    const { run, read, published } = await repository();
    const before = await read("openapi/v9.yaml");
    await writeFile(published, "<!doctype html><p>Not found</p>");
    const { exitCode, output } = await run();
    expect(exitCode).toBe(1);
    expect(output).toContain("Nothing was changed.");
    expect(await read("openapi/v9.yaml")).toBe(before);
    expect(await read("CHANGELOG.md")).toBe(CHANGELOG);
  });

  test("has nothing to say the second time", async () => {
    const { run, read } = await repository((structure) => {
      structure.components.schemas.Thing.properties.colour = { type: "string" };
    });
    await run();
    const [structure, changelog] = [await read("openapi/v9.yaml"), await read("CHANGELOG.md")];
    const { output } = await run();
    expect(output).toContain("no differences");
    expect(output).toContain("CHANGELOG.md needs no entry.");
    expect(await read("openapi/v9.yaml")).toBe(structure);
    expect(await read("CHANGELOG.md")).toBe(changelog);
  });

  test("names the structure file that was written, however it is called", async () => {
    const { root, service } = await sourcesOf({ v9: sound() });
    const structure = "openapi/things.yaml";
    const named = { ...service, versions: service.versions.map((version) => ({ ...version, structure })) };
    await rename(join(root, "openapi/v9.yaml"), join(root, structure));

    const { output } = await updateCommand([`v9=${join(root, structure)}`], {
      root,
      services: [named],
      typeErrors: async () => [],
    });

    expect(output).toMatch(/^(written|unchanged): openapi\/things\.yaml$/m);
    expect(output).toMatch(/^== Things v9$/m);
  });

  test.each([["v8=x.yaml"], ["v9"], ["--help"]])("explains itself when it is called with %s", async (arg) => {
    const { run } = await repository();
    const { exitCode, output } = await run(arg);
    expect(exitCode).toBe(2);
    expect(output).toContain("usage: npm run spec:update");
  });

  test("reads YAML as well as JSON", async () => {
    const { run, root } = await repository();
    const file = join(root, "published.yaml");
    await writeFile(file, stringify(sound().structure));
    expect((await run(`v9=${file}`)).exitCode).toBe(0);
  });
});

describe("the changelog", () => {
  const finding = {
    severity: "risky",
    kind: "operation-added",
    place: "",
    message: "is new",
    operations: ["GET /a"],
  } as const;

  test("gets a section when there is no unreleased one", () => {
    const text = withEntry("# Changelog\n\n## 1.0.0\n\n- First.\n", "Things v9", [finding], "2026-01-02");
    expect(text).toMatch(
      /^# Changelog\n\n## Unreleased\n\n- Things v9 .*\n {2}- risky: GET \/a: is new\n\n## 1\.0\.0\n\n- First\.\n$/,
    );
  });

  test("gets the same entry once", () => {
    const once = withEntry(CHANGELOG, "Things v9", [finding], "2026-01-02");
    expect(withEntry(once, "Things v9", [finding], "2026-01-02")).toBe(once);
  });
});

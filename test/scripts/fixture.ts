import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { stringify } from "yaml";
import type { ApiVersion, Service } from "../../scripts/versions.ts";

const SERVER = "https://things.test/api";

/** JSON that a test may damage as it likes. */
// biome-ignore lint/suspicious/noExplicitAny: tests write faults into any place of it, which no type describes
export type Loose = any;

/** The two files of a version, as a test writes them: mappings, or the text itself. */
export interface Files {
  readonly structure: Loose;
  readonly overlay: Loose;
}

/** A small API with one of everything: paging, a creation, a deletion, defaults in both directions, an open list. */
export function sound(): Files {
  return { structure: structure(), overlay: overlay() };
}

/** A vendor whose versions are in a directory of their own. Also in a list, as the commands take them. */
export interface Fixture {
  readonly root: string;
  readonly service: Service;
  readonly services: readonly Service[];
}

/** Writes versions into a directory of their own, which goes away with the test. */
export async function sourcesOf(versions: Readonly<Record<string, Files>>): Promise<Fixture> {
  const root = await mkdtemp(join(tmpdir(), "generate-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, "openapi"));
  for (const [name, files] of Object.entries(versions)) await writeVersion(root, name, files);
  const service: Service = {
    title: "Things",
    server: SERVER,
    output: "src/generated",
    versions: Object.keys(versions).map((name) => registered(name)),
  };
  return { root, service, services: [service] };
}

/** The small API as a version of another name, and of another vendor where a server is given. */
export function soundAs(name: string, server: string = SERVER): Files {
  const files = sound();
  files.structure.servers[0].url = `${server}/${name}`;
  return files;
}

/** Rewrites the files of one version. */
export async function writeVersion(root: string, name: string, { structure, overlay }: Files): Promise<void> {
  await writeFile(join(root, structureOf(name)), asText(structure));
  await writeFile(join(root, overlayOf(name)), asText(overlay));
}

/** A version as a line of the registry gives it. */
export function registered(name: string, server: string = SERVER): ApiVersion {
  return {
    name,
    title: `Things ${name}`,
    structure: structureOf(name),
    overlays: [overlayOf(name)],
    server: `${server}/${name}`,
    key: { header: "X-Key", scheme: "APIKeyHeader" },
  };
}

/** Numbers in [0, 1), the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** Where `#/components/schemas/<name>` is meant. */
export function schema(name: string): { $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}

function structureOf(name: string): string {
  return `openapi/${name}.yaml`;
}

function overlayOf(name: string): string {
  return `openapi/${name}.overlay.yaml`;
}

function asText(content: Loose): string {
  return typeof content === "string" ? content : stringify(content);
}

function answer(content: Loose): Loose {
  return { description: "", content: { "application/json": { schema: content } } };
}

function structure(): Loose {
  const common = { tags: ["Things"], security: [{ APIKeyHeader: [] }] };
  const refused = { "422": answer(schema("Refusal")) };
  const id = { name: "thing_id", in: "path", required: true, schema: { type: "string" } };
  const size = { name: "size", in: "query", schema: { type: "integer", default: 10 } };
  return {
    openapi: "3.1.0",
    info: { title: "Things", version: "1.0.0" },
    servers: [{ url: `${SERVER}/v9` }],
    paths: {
      "/things": {
        get: {
          ...common,
          operationId: "list_things",
          parameters: [size],
          responses: { "200": answer({ type: "array", items: schema("Thing") }), ...refused },
        },
        post: {
          ...common,
          operationId: "create_thing",
          requestBody: { required: true, content: { "application/json": { schema: schema("NewThing") } } },
          responses: { "201": answer(schema("Thing")), ...refused },
        },
      },
      "/things/{thing_id}": {
        delete: {
          ...common,
          operationId: "delete_thing",
          parameters: [id],
          responses: { "204": { description: "" }, ...refused },
        },
      },
    },
    components: {
      schemas: {
        Color: { type: "string", enum: ["red", "green"] },
        NewThing: {
          type: "object",
          required: ["name"],
          properties: {
            name: { type: "string", maxLength: 5 },
            color: { ...schema("Color"), default: "red" },
            count: { anyOf: [{ type: "integer", minimum: 1 }, { type: "null" }] },
          },
        },
        Refusal: { type: "object", required: ["detail"], properties: { detail: { type: "string" } } },
        Thing: {
          type: "object",
          required: ["id"],
          properties: { id: { type: "string" }, count: { type: "integer", default: 0 }, note: { type: "string" } },
        },
      },
      securitySchemes: { APIKeyHeader: { type: "apiKey", in: "header", name: "X-Key" } },
    },
  };
}

function overlay(): Loose {
  const operation = (path: string, method: string, update: object) => ({
    target: `$.paths['${path}'].${method}`,
    update,
  });
  return {
    overlay: "1.0.0",
    info: { title: "Ours", version: "1.0.0" },
    actions: [
      operation("/things", "get", { summary: "List things", "x-repeatable": true }),
      operation("/things", "post", { summary: "Create a thing", "x-repeatable": false, "x-facade": true }),
      operation("/things/{thing_id}", "delete", { summary: "Delete a thing", "x-repeatable": true }),
      { target: "$.components.schemas.Color", update: { "x-open-enum": true } },
    ],
  };
}

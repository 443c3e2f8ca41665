import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { type Imported, importSpec } from "../../scripts/import/import.ts";
import { SpecError } from "../../scripts/spec/problem.ts";
import { type ApiVersion, versions } from "../../scripts/versions.ts";
import type { Loose } from "./fixture.ts";

/** What an import gave, with its document read back. */
export interface Result extends Imported {
  readonly document: Loose;
}

/** The version that the fixtures describe. */
export const version: ApiVersion = versions.find(({ name }) => name === "v2") ?? never("v2 is not registered");

/** Imports one of the committed fixtures. */
export async function importFixture(name: string): Promise<Result> {
  return imported(await readFile(fixturePath(name)), name);
}

/** Imports a source that the test has written itself. */
export async function imported(source: string | Uint8Array, file: string, as: ApiVersion = version): Promise<Result> {
  const bytes = typeof source === "string" ? new TextEncoder().encode(source) : source;
  const result = await importSpec({ bytes, file }, as);
  return { ...result, document: parse(result.text) };
}

/** Why a source is refused, in the words of the error. */
export async function refusal(source: string | Uint8Array, file: string): Promise<string> {
  return imported(source, file).then(
    () => "not refused",
    (error: unknown) => (error instanceof SpecError ? error.message : `not a SpecError: ${error}`),
  );
}

/** The classes that a report counts, with their numbers; those with 0 are left out. */
export function counts({ report }: Imported): Record<string, number> {
  const { repaired, dropped, lost, leftToOverlay } = report;
  const found = [...repaired, ...dropped, ...lost, ...leftToOverlay].filter((one) => one.found > 0);
  return Object.fromEntries(found.map((one) => [one.name, one.found]));
}

/** Where a fixture is. */
export function fixturePath(name: string): URL {
  return new URL(`../fixtures/import/${name}`, import.meta.url);
}

/** A sound description of one operation, as a test may damage it. */
export function lamps(): Loose {
  return {
    openapi: "3.1.0",
    info: { title: "Lamps", version: "1.0.0" },
    servers: [{ url: version.server }],
    paths: {
      "/lamps": {
        get: {
          tags: ["Lamps"],
          operationId: "list_lamps_lamps_get",
          security: [],
          parameters: [{ name: "room", in: "query", schema: { type: "string", maxLength: 9 } }],
          responses: {
            "200": {
              description: "",
              content: { "application/json": { schema: { $ref: "#/components/schemas/Lamp" } } },
            },
          },
        },
      },
    },
    components: { schemas: { Lamp: { type: "object", properties: { id: { type: "string" } }, required: ["id"] } } },
  };
}

function never(message: string): never {
  throw new Error(message);
}

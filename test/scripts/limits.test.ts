import { expect, test } from "vitest";
import { emitLimits } from "../../scripts/spec/emit-limits.ts";
import { mergedDocument } from "../../scripts/spec/pipeline.ts";
import * as generated from "../../src/generated/limits.ts";
import { type Loose, schema, sound, sourcesOf } from "./fixture.ts";

/** The limits of the fixture's one checked body, after a change to its schema. */
async function limitAfter(change: (newThing: Loose, schemas: Loose) => void = () => undefined): Promise<Loose> {
  const files = sound();
  change(files.structure.components.schemas.NewThing, files.structure.components.schemas);
  const text = emitLimits(await mergedDocument(await sourcesOf({ v9: files })));
  const line = /^ {2}"POST \/v9\/things": (.*),$/m.exec(text)?.[1];
  return JSON.parse(line ?? "null");
}

test("a limit has the references of a body resolved, and its defaults and prose left out", async () => {
  const limit = await limitAfter((newThing) => {
    newThing.description = "prose";
    newThing.properties.part = { ...schema("Refusal"), description: "prose" };
  });

  expect(limit).toEqual({
    type: "object",
    required: ["name"],
    properties: {
      name: { type: "string", maxLength: 5 },
      color: { type: "string" },
      count: { type: ["integer", "null"], minimum: 1 },
      part: { type: "object", required: ["detail"], properties: { detail: { type: "string" } } },
    },
  });
});

test("a list that grows at the vendor sets no limit, and a closed one does", async () => {
  const limit = await limitAfter((newThing, schemas) => {
    schemas.Size = { type: "string", enum: ["s", "l"] };
    newThing.properties.size = { anyOf: [schema("Size"), { type: "null" }] };
  });

  expect(limit.properties.color).toEqual({ type: "string" });
  expect(limit.properties.size).toEqual({ type: ["string", "null"], enum: ["s", "l"] });
});

test("a union of several kinds stays a union", async () => {
  const union = [{ type: "boolean" }, { type: "string", const: "auto" }, { type: "null" }];

  const limit = await limitAfter((newThing) => Object.assign(newThing.properties, { vision: { anyOf: union } }));

  expect(limit.properties.vision).toEqual({ anyOf: union });
});

test("a map's values are limited, and an open object's are not", async () => {
  const limit = await limitAfter((newThing) => {
    newThing.properties.labels = { type: "object", additionalProperties: { type: "string" }, maxProperties: 10 };
    newThing.properties.any = { type: "object", additionalProperties: true };
  });

  expect(limit.properties.labels).toEqual({
    type: "object",
    additionalProperties: { type: "string" },
    maxProperties: 10,
  });
  expect(limit.properties.any).toEqual({ type: "object" });
});

test("a body that contains itself is refused", async () => {
  const limit = limitAfter((newThing) => Object.assign(newThing.properties, { parent: schema("NewThing") }));

  await expect(limit).rejects.toThrow(
    /^merged document: POST \/v9\/things: has a body that contains itself \(#\/components\/schemas\/V9NewThing\)$/,
  );
});

test("the bodies that the facade checks have their limits", () => {
  expect(Object.keys(generated.bodies)).toEqual([
    "PATCH /v3/profiles/{profile_id}",
    "PATCH /v3/workspaces/{workspace_id}",
    "POST /v2/files/browsers/{session_id}/presigned-url",
    "POST /v2/files/sessions/{session_id}/presigned-url",
    "POST /v2/sessions",
    "POST /v2/tasks",
    "POST /v3/browsers",
    "POST /v3/profiles",
    "POST /v3/sessions",
    "POST /v3/sessions/{session_id}/stop",
    "POST /v3/workspaces",
    "POST /v3/workspaces/{workspace_id}/files/upload",
    "POST /v4/runs",
    "POST /v4/workspaces/{workspace_id}/files/upload",
  ]);
  expect(generated.bodies["POST /v3/browsers"].properties?.timeout).toEqual({
    type: "integer",
    minimum: 1,
    maximum: 240,
  });
  expect(generated.bodies["POST /v3/sessions"].properties?.maxCostUsd?.anyOf).toHaveLength(3);
});

test("what creates, dispatches or executes is never said to be repeatable; what stops, signs or sets values is", () => {
  expect(generated.repeatable).toEqual([
    "PATCH /v2/browsers/{session_id}",
    "PATCH /v2/profiles/{profile_id}",
    "PATCH /v2/sessions/{session_id}",
    "PATCH /v2/skills/{skill_id}",
    "PATCH /v2/tasks/{task_id}",
    "PATCH /v3/browsers/{session_id}",
    "PATCH /v3/profiles/{profile_id}",
    "PATCH /v3/workspaces/{workspace_id}",
    "PATCH /v4/browsers/{session_id}",
    "PATCH /v4/profiles/{profile_id}",
    "POST /v2/files/browsers/{session_id}/presigned-url",
    "POST /v2/files/sessions/{session_id}/presigned-url",
    "POST /v2/sessions/{session_id}/public-share",
    "POST /v2/sessions/{session_id}/purge",
    "POST /v2/skills/{skill_id}/cancel",
    "POST /v3/sessions/{session_id}/stop",
    "POST /v3/workspaces/{workspace_id}/files/upload",
    "POST /v4/runs/{run_id}/cancel",
    "POST /v4/sessions/{session_id}/purge",
    "POST /v4/workspaces/{workspace_id}/files/upload",
  ]);
});

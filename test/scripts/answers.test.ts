import { expect, test } from "vitest";
import { emitLimits } from "../../scripts/spec/emit-limits.ts";
import { mergedDocument } from "../../scripts/spec/pipeline.ts";
import * as ours from "../../src/generated/limits.ts";
import * as skyvern from "../../src/generated/skyvern/limits.ts";
import { type Loose, schema, sound, sourcesOf } from "./fixture.ts";

const KEY = "POST /v9/things";
const object = { type: "object", properties: { id: { type: "string" } } };
const list = { type: "array", items: object };
const json = (content: Loose): Loose => ({ description: "", content: { "application/json": { schema: content } } });

/** What is emitted for an operation that has the given answers of success. */
async function answerTo(responses: Loose): Promise<string | undefined> {
  const files = sound();
  const { post } = files.structure.paths["/things"];
  post.responses = { ...responses, "422": post.responses["422"] };
  Object.assign(files.structure.components.schemas, { List: list, Either: { anyOf: [schema("Thing"), object] } });
  Object.assign(files.structure.components.schemas, { Endless: { anyOf: [schema("Endless"), schema("Endless")] } });
  return answersIn(emitLimits(await mergedDocument(await sourcesOf({ v9: files }))))[KEY];
}

function answersIn(text: string): Readonly<Record<string, string>> {
  const [, lines = ""] = /export const answers: .+ = \{\n([^}]*(?:\{\w+\}[^}]*)*)\};/.exec(text) ?? [];
  return JSON.parse(`{${lines.trim().replace(/,$/, "")}}`) as Record<string, string>;
}

test.each<[string, Loose, string | undefined]>([
  ["no body", { "204": { description: "" } }, "nothing"],
  ["a JSON object", { "201": json(object) }, undefined],
  ["an object by reference", { "200": json(schema("Thing")) }, undefined],
  ["one of several objects", { "200": json(schema("Either")) }, undefined],
  ["an object of several parts", { "200": json({ allOf: [{ description: "first" }, schema("Thing")] }) }, undefined],
  ["objects, of two statuses", { "200": json(object), "202": json(schema("Thing")) }, undefined],
  ["a list", { "200": json(list) }, "list"],
  ["a list by reference", { "200": json(schema("List")) }, "list"],
  ["an object or null", { "200": json({ anyOf: [object, { type: "null" }] }) }, "anything"],
  ["an object or null, by its type", { "200": json({ type: ["object", "null"] }) }, "anything"],
  ["an object or a list", { "200": json({ oneOf: [object, list] }) }, "anything"],
  ["null", { "200": json({ type: "null" }) }, "anything"],
  ["a text", { "200": json({ type: "string" }) }, "anything"],
  ["whatever", { "200": json({}) }, "anything"],
  ["a schema that only names itself", { "200": json(schema("Endless")) }, "anything"],
  ["bytes", { "200": { description: "", content: { "application/octet-stream": { schema: object } } } }, "anything"],
  [
    "JSON or a text",
    { "200": { ...json(object), content: { ...json(object).content, "text/plain": {} } } },
    "anything",
  ],
  ["a list, or no body", { "200": json(list), "204": { description: "" } }, "anything"],
])("an operation that answers %s", async (_, responses, expected) => {
  expect(await answerTo(responses)).toBe(expected);
});

test("answers of errors do not count", async () => {
  expect(await answerTo({ "200": json(object), "404": json(list) })).toBeUndefined();
});

test("no operation of Browser Use Cloud answers but with an object or with nothing", () => {
  expect(new Set(Object.values(ours.answers))).toEqual(new Set(["nothing"]));
  expect(Object.keys(ours.answers)).toContain("POST /v2/sessions/{session_id}/purge");
});

test("Skyvern's lists are lists, and what it does not describe may be anything", () => {
  expect(skyvern.answers).toEqual({
    "DELETE /v1/browser_profiles/{profile_id}": "nothing",
    "DELETE /v1/files/{file_id}": "nothing",
    "GET /v1/artifacts/{artifact_id}/content": "anything",
    "GET /v1/browser_profiles": "list",
    "GET /v1/browser_sessions": "list",
    "GET /v1/browser_sessions/history": "list",
    "GET /v1/runs": "list",
    "GET /v1/runs/{run_id}/artifacts": "list",
    "GET /v1/runs/{run_id}/timeline": "list",
    "POST /v1/browser_sessions/{browser_session_id}/close": "anything",
    "POST /v1/runs/{run_id}/cancel": "anything",
    "POST /v1/runs/{run_id}/retry_webhook": "anything",
  });
});

test("limits of both vendors are of one form, so one check reads both", () => {
  const bodies: readonly Readonly<Record<string, ours.Limit>>[] = [ours.bodies, skyvern.bodies];
  const back: Readonly<Record<string, skyvern.Limit>> = ours.bodies;

  expect(bodies[1]?.["POST /v1/run/tasks"]?.required).toEqual(["prompt"]);
  expect(back["POST /v2/tasks"]?.required).toEqual(["task"]);
});

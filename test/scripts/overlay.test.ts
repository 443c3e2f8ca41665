import { expect, test } from "vitest";
import type { Node } from "../../scripts/spec/document.ts";
import { applyOverlay, overlayActions } from "../../scripts/spec/overlay.ts";

const FILE = "ours.yaml";

function apply(document: Node, ...actions: readonly Node[]): Node {
  return applyOverlay(document, overlayActions({ overlay: "1.0.0", actions }, FILE), FILE);
}

test("mappings are merged key by key, lists are appended to, and single values are replaced", () => {
  const before = { it: { kept: 1, replaced: "old", inner: { a: 1 }, list: [1] } };

  const after = apply(before, { target: "$.it", update: { replaced: "new", inner: { b: 2 }, list: [2], added: true } });

  expect(after).toEqual({ it: { kept: 1, replaced: "new", inner: { a: 1, b: 2 }, list: [1, 2], added: true } });
});

test("actions apply in order, so a later one finds what an earlier one has added", () => {
  const after = apply({ a: {} }, { target: "$.a", update: { b: {} } }, { target: "$.a.b", update: { c: 1 } });

  expect(after).toEqual({ a: { b: { c: 1 } } });
});

test("an update reaches every match of its target, and the matches share nothing", () => {
  const after = apply({ a: {}, b: {} }, { target: "$[*]", update: { list: [] } }, { target: "$.a.list", update: 1 });

  expect(after).toEqual({ a: { list: [1] }, b: { list: [] } });
});

test("removing takes away every match, in lists too", () => {
  const after = apply({ list: [1, 2, 3, 4], "it's": { x: 1 } }, { target: "$.list[?@ < 3]", remove: true });

  expect(apply(after, { target: `$["it's"].x`, remove: true })).toEqual({ list: [3, 4], "it's": {} });
});

test("a property may be described, and one with a type may be added", () => {
  const update = { old: { description: "Text." }, new: { type: "string", description: "Text." } };

  const after = apply({ properties: { old: { $ref: "#/x" } } }, { target: "$.properties", update });

  expect(after).toEqual({ properties: { ...update, old: { $ref: "#/x", description: "Text." } } });
});

test("the document that was given is not touched", () => {
  const before = { a: { b: 1 } };

  apply(before, { target: "$.a.b", remove: true });

  expect(before).toEqual({ a: { b: 1 } });
});

test.each([
  [{ target: "$.gone", update: {} }, "ours.yaml: $.gone: matches nothing; correct the target or delete the action"],
  [{ target: "$.gone", remove: true }, "ours.yaml: $.gone: matches nothing; correct the target or delete the action"],
  [
    { target: "$.a.text", update: { b: 1 } },
    "ours.yaml: $.a.text: is updated with something else than it is; a mapping takes a mapping",
  ],
  [
    { target: "$.a", update: { text: {} } },
    "ours.yaml: $.a.text: changes what kind of value it is; remove it first, then update",
  ],
  [
    { target: "$.a", update: { properties: { gone: { description: "Text." } } } },
    "ours.yaml: $.a.properties.gone: is described, but is not there; correct the name or delete the description",
  ],
  [
    { target: "$.a.properties", update: { gone: { description: "Text." } } },
    "ours.yaml: $.a.properties.gone: is described, but is not there; correct the name or delete the description",
  ],
  [{ update: {} }, "ours.yaml: actions[0]: has no target; give a JSONPath"],
  [{ target: "$.a" }, "ours.yaml: actions[0] $.a: needs either update or remove: true"],
  [{ target: "$.a", update: {}, remove: true }, "ours.yaml: actions[0] $.a: needs either update or remove: true"],
  [{ target: "$.a", updates: {} }, 'ours.yaml: actions[0] $.a: has an unknown key "updates"; use update or remove'],
])("the action %j is refused by name", (action, message) => {
  expect(() => apply({ a: { text: "x", properties: {} } }, action)).toThrow(expect.objectContaining({ message }));
});

test("a target that is no JSONPath is refused by name", () => {
  expect(() => apply({}, { target: "$.a[", update: {} })).toThrow(
    /^ours\.yaml: \$\.a\[: is no JSONPath \(.+\); correct it$/,
  );
});

test("a file that is no overlay is refused", () => {
  expect(() => overlayActions({ openapi: "3.1.0" }, FILE)).toThrow(
    expect.objectContaining({ message: 'ours.yaml: is no overlay; it must begin with "overlay: 1.0.0"' }),
  );
  expect(() => overlayActions({ overlay: "1.0.0" }, FILE)).toThrow(
    expect.objectContaining({ message: "ours.yaml: actions: is no list; write one entry per change" }),
  );
});

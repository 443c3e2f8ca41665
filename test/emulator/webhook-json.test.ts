import { expect, test } from "vitest";
import { canonicalJson, RawNumber, wireJson } from "../../src/emulator/webhook-json.ts";

const EVENT = {
  z: [1, 0.5, null, true],
  "\uff01": 'ä 😀 \u007f\n"\\/\u0001',
  "😀": {},
  a: { y: new RawNumber("1.0"), x: new RawNumber("12345678901234567890"), left: undefined },
};

// Each text below was compared with what Python 3.11 and Node 20 write themselves.
test("as Python it writes what json.dumps does: spaces, escapes, numbers as they are; on the wire in any order", () => {
  expect(wireJson(EVENT, "python")).toBe(
    '{"z": [1, 0.5, null, true], "\\uff01": "\\u00e4 \\ud83d\\ude00 \\u007f\\n\\"\\\\/\\u0001", "\\ud83d\\ude00": {}, "a": {"y": 1.0, "x": 12345678901234567890}}',
  );
  expect(canonicalJson(EVENT, "python")).toBe(
    '{"a":{"x":12345678901234567890,"y":1.0},"z":[1,0.5,null,true],"\\uff01":"\\u00e4 \\ud83d\\ude00 \\u007f\\n\\"\\\\/\\u0001","\\ud83d\\ude00":{}}',
  );
});

test("as JavaScript it writes what JSON.stringify does, and sorts keys as JavaScript does", () => {
  expect(wireJson(EVENT, "javascript")).toBe(
    '{"z":[1,0.5,null,true],"\uff01":"ä 😀 \u007f\\n\\"\\\\/\\u0001","😀":{},"a":{"y":1,"x":12345678901234567000}}',
  );
  expect(canonicalJson(EVENT, "javascript")).toBe(
    '{"a":{"x":12345678901234567000,"y":1},"z":[1,0.5,null,true],"😀":{},"\uff01":"ä 😀 \u007f\\n\\"\\\\/\\u0001"}',
  );
});

test.each([
  [0, "0"],
  [-1, "-1"],
  [1e21, "1000000000000000000000"],
  [0.1, "0.1"],
  [0.0001, "0.0001"],
  [0.00001, "1e-05"],
  [-1.5e-7, "-1.5e-07"],
  [1.5e-10, "1.5e-10"],
  [1.5e-300, "1.5e-300"],
])("as Python it writes the number %d as %s", (value, text) => {
  expect(wireJson(value, "python")).toBe(text);
});

test("what is no number in JSON is refused", () => {
  for (const text of ["", "1.", ".5", "01", "NaN", "0x1", "1 ", "+1", "1e"]) {
    expect(() => new RawNumber(text)).toThrow(TypeError);
  }
  for (const text of ["0", "-0", "1.0", "1e+16", "1E5", "-12.50"]) expect(new RawNumber(text).text).toBe(text);
  expect(() => wireJson(Number.NaN, "python")).toThrow(TypeError);
});

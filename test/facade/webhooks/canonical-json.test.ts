import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalForms } from "../../../src/facade/webhooks/canonical-json.ts";
import { anyJson, anyWriting, javascript, python, pythonUnescaped, write } from "./webhook-sender.ts";

const SEED = Math.floor(Date.now() / 86_400_000);

test.each([
  ["spaces go, names are sorted", ' { "b" : [ 1 , 2 ] ,\r\n\t"a" : { } } ', '{"a":{},"b":[1,2]}'],
  ["inner names, too", '{"z":{"b":1,"a":{"d":[],"c":""}}}', '{"z":{"a":{"c":"","d":[]},"b":1}}'],
  ["lists keep their order", '["b","a",null,true,false]', '["b","a",null,true,false]'],
  [
    "numbers stay as they were written",
    "[1.0,-0,1e5,1E+5,0.10,12345678901234567890]",
    "[1.0,-0,1e5,1E+5,0.10,12345678901234567890]",
  ],
  ["of a name that is given twice, the last counts", '{"a":1,"b":2,"\\u0061":3}', '{"a":3,"b":2}'],
  ["the empty name is a name", '{"":1}', '{"":1}'],
  ["names like numbers are sorted as texts", '{"2":0,"10":0,"1":0}', '{"1":0,"10":0,"2":0}'],
  [
    "names of objects' own machinery are names",
    '{"__proto__":1,"constructor":2,"a":{"__proto__":{}}}',
    '{"__proto__":1,"a":{"__proto__":{}},"constructor":2}',
  ],
  ["commas, colons and brackets in texts are text", '{"a,:{}[]":"]}, :"}', '{"a,:{}[]":"]}, :"}'],
  ["a quote or a backslash at the end of a text is text", '["a\\\\","b\\"","\\\\\\\\"]', '["a\\\\","b\\"","\\\\\\\\"]'],
  ["needless escapes go", '"\\/\\u0041\\u000a\\u0022"', '"/A\\n\\""'],
  ["control characters are escaped shortly, else in small letters", '"\\u0008\\u000C\\u001F"', '"\\b\\f\\u001f"'],
  ["a value alone", " 1.50 ", "1.50"],
])("%s", (_, text, canonical) => {
  expect(canonicalForms(text)).toEqual([canonical]);
});

test("what is not printable ASCII is escaped in one form, and is not in the other", () => {
  expect(canonicalForms('"é\\u007f\\u2028\\ud83d\\ude00"')).toEqual([
    '"\\u00e9\\u007f\\u2028\\ud83d\\ude00"',
    '"é\x7f\u2028😀"',
  ]);
});

test("half a character stays escaped in every form", () => {
  expect(canonicalForms('"\\uD800x"')).toEqual(['"\\ud800x"']);
});

test("names beyond U+FFFF are sorted by code points, and also by UTF-16 units", () => {
  expect(canonicalForms('{"😀":1,"\uffee":2}')).toEqual([
    '{"\\uffee":2,"\\ud83d\\ude00":1}',
    '{"😀":1,"\uffee":2}',
    '{"\uffee":2,"😀":1}',
  ]);
});

test.each([
  "",
  " ",
  "{",
  '{"a":1',
  "[1,]",
  "{'a':1}",
  "01",
  "NaN",
  '"\u0001"',
  "[1 2]",
  "undefined",
  '"a',
  "[]]",
  "\ufeff1",
])("%j is refused, being no JSON", (text) => expect(() => canonicalForms(text)).toThrow(SyntaxError));

describe("depth", () => {
  const nested = (levels: number, open: string, close: string) => `${open.repeat(levels)}1${close.repeat(levels)}`;

  test("a hundred levels are read", () => {
    expect(canonicalForms(nested(100, "[", "]"))).toHaveLength(1);
  });

  test.each([101, 100_000])("%i levels are refused, not run into", (levels) => {
    expect(() => canonicalForms(nested(levels, "[", "]"))).toThrow("nested deeper");
    expect(() => canonicalForms(nested(levels, '{"a":', "}"))).toThrow("nested deeper");
  });
});

test("however JSON is written, its forms are those that Python and JavaScript would write", () => {
  fc.assert(
    fc.property(anyJson, anyWriting, (json, writing) => {
      const forms = canonicalForms(write(json, writing));
      expect(forms).toContain(write(json, python));
      expect(forms).toContain(write(json, javascript));
      const unescaped = write(json, pythonUnescaped);
      if (!/\p{Cs}/u.test(unescaped)) expect(forms).toContain(unescaped);
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test("every form says what the text says", () => {
  fc.assert(
    fc.property(anyJson, anyWriting, (json, writing) => {
      const text = write(json, writing);
      for (const form of canonicalForms(text)) expect(JSON.parse(form)).toStrictEqual(JSON.parse(text));
    }),
    { seed: SEED, numRuns: 500 },
  );
});

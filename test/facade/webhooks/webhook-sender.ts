import { createHmac } from "node:crypto";
import fc from "fast-check";

/** JSON as a sender has it: numbers as they are written, fields in their order. Written without our code, and without `JSON`. */
export type Sent =
  | { readonly is: "word"; readonly text: string }
  | { readonly is: "text"; readonly text: string }
  | { readonly is: "list"; readonly items: readonly Sent[] }
  | { readonly is: "object"; readonly fields: readonly (readonly [name: string, value: Sent])[] };

/** How a serializer goes about it. */
export interface Style {
  readonly quote: (text: string) => string;
  readonly compare?: (a: string, b: string) => number;
  /** Between tokens. */
  readonly space?: () => string;
  /** Fields to be written before those that count, under the same names. */
  readonly shadow?: boolean;
}

export function write(sent: Sent, style: Style): string {
  const space = style.space ?? (() => "");
  if (sent.is === "word") return sent.text;
  if (sent.is === "text") return style.quote(sent.text);
  const lay = (open: string, parts: readonly string[], close: string) =>
    `${open}${space()}${parts.join(`${space()},${space()}`)}${space()}${close}`;
  if (sent.is === "list")
    return lay(
      "[",
      sent.items.map((item) => write(item, style)),
      "]",
    );
  const { compare } = style;
  const fields = compare ? [...sent.fields].sort(([a], [b]) => compare(a, b)) : sent.fields;
  const pairs = fields.map(([name, value]) => `${style.quote(name)}${space()}:${space()}${write(value, style)}`);
  const shadows = style.shadow ? fields.map(([name]) => `${style.quote(name)}:"shadow"`) : [];
  return lay("{", [...shadows, ...pairs], "}");
}

const SHORT = new Map([
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

function quoteWith(text: string, mustEscape: (unit: number, at: number) => boolean): string {
  const write = (unit: string, at: number) =>
    SHORT.get(unit) ?? (mustEscape(unit.charCodeAt(0), at) ? hex(unit.charCodeAt(0)) : unit);
  return `"${text.split("").map(write).join("")}"`;
}

function hex(unit: number): string {
  return `\\u${(unit + 0x10000).toString(16).slice(1)}`;
}

/** By code points, one after the other. */
export function comparePoints(a: string, b: string): number {
  const [left, right] = [a, b].map((name) => Array.from(name, (sign) => sign.codePointAt(0) ?? 0)) as [
    number[],
    number[],
  ];
  for (const [at, point] of left.entries()) {
    const other = right[at];
    if (other === undefined) return 1;
    if (point !== other) return point - other;
  }
  return left.length - right.length;
}

/** As `json.dumps(…, sort_keys=True, separators=(",", ":"))` does. */
export const python: Style = {
  quote: (text) => quoteWith(text, (unit) => unit < 0x20 || unit > 0x7e),
  compare: comparePoints,
};

/** The same with `ensure_ascii=False`, which cannot write halves of characters. */
export const pythonUnescaped: Style = {
  quote: (text) => quoteWith(text, (unit) => unit < 0x20),
  compare: comparePoints,
};

/** As `JSON.stringify` does with sorted names; it escapes halves of characters. */
export const javascript: Style = {
  quote: (text) => {
    const halves = new Set([...text.matchAll(/\p{Cs}/gu)].map(({ index }) => index));
    return quoteWith(text, (unit, at) => unit < 0x20 || halves.has(at));
  },
  compare: (a, b) => (a < b ? -1 : 1),
};

/** Headers for a text that is signed as the service signs. */
export function sign(signed: string, secret: string, timestamp: string): Record<string, string> {
  const signature = createHmac("sha256", secret).update(`${timestamp}.${signed}`).digest("hex");
  return { "x-browser-use-signature": signature, "x-browser-use-timestamp": timestamp };
}

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 6 }), // all code points, halves of characters among them
  fc.string({
    unit: fc.constantFrom(
      "a",
      "b",
      '"',
      "\\",
      "/",
      "\0",
      "\n",
      "\x1f",
      "\x7f",
      "é",
      "\u2028",
      "\ud800",
      "\udfff",
      "\uffff",
      "😀",
    ),
    maxLength: 5,
  }),
);
const word = fc.oneof(
  fc.constantFrom(
    "true",
    "false",
    "null",
    "1.0",
    "1e5",
    "1E+5",
    "-0",
    "-0.0",
    "0.10",
    "1e-7",
    "12345678901234567890",
    "1e16",
    "1e+16",
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
);

/** Any JSON, four levels deep. */
export const anyJson = fc.letrec<{ json: Sent }>((tie) => ({
  json: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    word.map((text): Sent => ({ is: "word", text })),
    text.map((text): Sent => ({ is: "text", text })),
    fc.array(tie("json"), { maxLength: 4 }).map((items): Sent => ({ is: "list", items })),
    fc
      .uniqueArray(fc.tuple(text, tie("json")), { maxLength: 5, selector: ([name]) => name })
      .map((fields): Sent => ({ is: "object", fields })),
  ),
})).json;

/** An event with any metadata. */
export const anyEvent = anyJson.map(
  (metadata): Sent =>
    object({
      type: "agent.task.status_update",
      timestamp: "2026-03-01T10:30:00Z",
      payload: object({ task_id: "t-1", session_id: "s-1", status: "idle", metadata: object({ about: metadata }) }),
    }),
);

function object(fields: Readonly<Record<string, Sent | string>>): Sent {
  const sent = (value: Sent | string): Sent => (typeof value === "string" ? { is: "text", text: value } : value);
  return { is: "object", fields: Object.entries(fields).map(([name, value]) => [name, sent(value)] as const) };
}

/** A way to write that no serializer has, and every parser reads: spaces, escapes and shadowed names at random. */
export const anyWriting = fc
  .tuple(
    fc.array(fc.constantFrom("", "", " ", "\n", "\t \r"), { minLength: 1 }),
    fc.array(fc.nat(3), { minLength: 1 }),
    fc.boolean(),
  )
  .map(([spaces, escapes, shadow]): Style => {
    let turn = 0;
    return {
      space: () => spaces[turn++ % spaces.length] ?? "",
      quote: (text) =>
        `"${text
          .split("")
          .map((unit) => writeAnyhow(unit, escapes[turn++ % escapes.length] ?? 0))
          .join("")}"`,
      shadow,
    };
  });

function writeAnyhow(unit: string, how: number): string {
  const code = unit.charCodeAt(0);
  if (how === 0 || (code >= 0xd800 && code < 0xe000)) return hex(code);
  if (how === 1) return hex(code).toUpperCase().replace("U", "u");
  if (how === 2 && unit === "/") return "\\/";
  return SHORT.get(unit) ?? (code < 0x20 ? hex(code) : unit);
}

import { byCodePoint } from "./code-points.ts";

/** Whose habits the sender has: those of Python's `json.dumps`, or of `JSON.stringify`. */
export type WebhookForm = "python" | "javascript";

/** A number that is written as it is given, such as the `1.0` of a Python server, which no number of JavaScript's keeps. */
export class RawNumber {
  readonly text: string;

  /** @throws TypeError for a text that is no number in JSON. */
  constructor(text: string) {
    if (!/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) throw new TypeError(`no JSON number: ${text}`);
    this.text = text;
  }
}

/**
 * The body on the wire: keys as they come; Python puts a space after each comma and colon, and escapes what is not ASCII. It need not be
 * what was signed.
 */
export function wireJson(value: unknown, form: WebhookForm): string {
  const [comma, colon] = form === "python" ? [", ", ": "] : [",", ":"];
  return new Writer(form, comma, colon, (keys) => keys).write(value);
}

/** What is signed: keys sorted as the sender's language sorts texts, and no spaces. */
export function canonicalJson(value: unknown, form: WebhookForm): string {
  const sorted = (keys: string[]): string[] => (form === "python" ? keys.sort(byCodePoint) : keys.sort());
  return new Writer(form, ",", ":", sorted).write(value);
}

class Writer {
  readonly #form: WebhookForm;
  readonly #comma: string;
  readonly #colon: string;
  readonly #order: (keys: string[]) => string[];

  constructor(form: WebhookForm, comma: string, colon: string, order: (keys: string[]) => string[]) {
    this.#form = form;
    this.#comma = comma;
    this.#colon = colon;
    this.#order = order;
  }

  write(value: unknown): string {
    if (value instanceof RawNumber) return this.#form === "python" ? value.text : JSON.stringify(Number(value.text));
    if (typeof value === "number") return this.#form === "python" ? pythonNumber(value) : JSON.stringify(value);
    if (typeof value === "string") return this.#text(value);
    if (Array.isArray(value)) return `[${value.map((item) => this.write(item)).join(this.#comma)}]`;
    if (value !== null && typeof value === "object") return this.#object(Object.entries(value));
    return JSON.stringify(value ?? null);
  }

  #object(entries: readonly [string, unknown][]): string {
    const values = new Map(entries.filter(([, value]) => value !== undefined));
    const keys = this.#order([...values.keys()]);
    return `{${keys.map((key) => this.#text(key) + this.#colon + this.write(values.get(key))).join(this.#comma)}}`;
  }

  #text(text: string): string {
    const json = JSON.stringify(text);
    return this.#form === "python" ? json.replace(/[^ -~]/g, escaped) : json;
  }
}

/** One 16-bit unit as `\u00e4`. */
function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Whole numbers are Python's `int`, the rest its `float`, which turns to an exponent of two digits sooner. */
function pythonNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`no JSON number: ${value}`);
  if (Number.isInteger(value)) return BigInt(value).toString();
  return Math.abs(value) < 1e-4 ? value.toExponential().replace(/e-(\d)$/, "e-0$1") : String(value);
}

/** Deeper than any event of the service; a body that is meant to break things goes deeper. */
const DEEPEST = 100;

/** How a serializer writes a text, and how it sorts names. */
interface Form {
  readonly quote: (text: string) => string;
  readonly sort: (names: readonly string[]) => readonly string[];
}

/** As JavaScript sorts: by UTF-16 units. */
const byUnit = (names: readonly string[]): string[] => [...names].sort();

/** As Python sorts: by code points. It differs only where a name has a character beyond U+FFFF, or half of one. */
function byCodePoint(names: readonly string[]): readonly string[] {
  if (!names.some((name) => /[\ud800-\udfff]/.test(name))) return byUnit(names);
  const ranked = names.map((name) => [rank(name), name] as const);
  return ranked.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, name]) => name);
}

/** A text that sorts by units as the name does by code points: each is written in the same width. */
function rank(name: string): string {
  return Array.from(name, (sign) => (sign.codePointAt(0) ?? 0).toString(16).padStart(6, "0")).join("");
}

/** Escapes what Python escapes by default: all that is not printable ASCII. */
function quoteAscii(text: string): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(text).replace(/[\x7f-\uffff]/g, escaped);
}

const FORMS: readonly Form[] = [
  { quote: quoteAscii, sort: byCodePoint },
  { quote: JSON.stringify, sort: byUnit },
  { quote: JSON.stringify, sort: byCodePoint },
];

/**
 * The canonical forms of a JSON text, without repetition: names sorted, no spaces, numbers as they were written. Serializers differ in
 * what they escape, and in how they sort rare characters. Each form says exactly what the text says; of a name that is given twice, all
 * parsers take the last.
 *
 * @throws {@link SyntaxError} when the text is no JSON, or nested deeper than 100 levels.
 */
export function canonicalForms(text: string): readonly string[] {
  JSON.parse(text); // from here on, the text is known to be JSON
  return [...new Set(FORMS.map((form) => new Canonicalizer(text, form).value()))];
}

/** Writes a JSON text anew, from start to end. Where the text is JSON, commas and colons tell nothing that the rest does not. */
class Canonicalizer {
  readonly #text: string;
  readonly #form: Form;
  #at = 0;

  constructor(text: string, form: Form) {
    this.#text = text;
    this.#form = form;
  }

  value(depth = 0): string {
    if (depth > DEEPEST) throw new SyntaxError(`The text is nested deeper than ${DEEPEST} levels.`);
    const first = this.#peek();
    if (first === "{") return this.#object(depth);
    if (first === "[") return this.#array(depth);
    return first === '"' ? this.#form.quote(this.#string()) : this.#literal();
  }

  #object(depth: number): string {
    const fields = new Map<string, string>();
    this.#at += 1;
    while (this.#peek() !== "}") fields.set(this.#string(), this.value(depth + 1));
    this.#at += 1;
    const { quote, sort } = this.#form;
    return `{${sort([...fields.keys()]).map((name) => `${quote(name)}:${fields.get(name)}`)}}`;
  }

  #array(depth: number): string {
    const items: string[] = [];
    this.#at += 1;
    while (this.#peek() !== "]") items.push(this.value(depth + 1));
    this.#at += 1;
    return `[${items}]`;
  }

  /** Found by hand: an expression that repeats a choice may run out of stack on a long text. */
  #string(): string {
    const begin = this.#at;
    let end = begin + 1;
    while (this.#text[end] !== '"') end += this.#text[end] === "\\" ? 2 : 1;
    this.#at = end + 1;
    return JSON.parse(this.#text.slice(begin, this.#at));
  }

  /** A number, or a word. */
  #literal(): string {
    const begin = this.#at;
    while (this.#at < this.#text.length && !"]} ,\n\r\t".includes(this.#text.charAt(this.#at))) this.#at += 1;
    return this.#text.slice(begin, this.#at);
  }

  #peek(): string | undefined {
    while (" ,:\n\r\t".includes(this.#text[this.#at] ?? "end")) this.#at += 1;
    return this.#text[this.#at];
  }
}

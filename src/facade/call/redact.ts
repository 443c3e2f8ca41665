const REDACTED = "[redacted]";
/** Fields whose value is a credential, wherever they stand. */
const SECRET_NAME = /^(cdp_?url|pass(word|wd)?|secrets?|sensitive_?data|(x-([a-z]+-)*)?api[-_]?key|authorization)$/i;
/** Deeper than any answer of the service; a body that is meant to break things goes deeper. */
const DEEPEST = 30;

/** Takes secrets out of everything that an error may show. */
export type Redact = <T>(value: T) => T;

/** A redactor for the given texts in all the forms they may be echoed in, and for what always carries credentials. */
export function redactor(secrets: readonly string[]): Redact {
  const longestFirst = secrets.filter((secret) => secret !== "").sort((a, b) => b.length - a.length);
  const pattern = longestFirst.map(patternOf).join("|");
  let known: RegExp | undefined;
  const redactText = (text: string): string => {
    if (pattern === "") return hideCredentials(text);
    try {
      known ??= new RegExp(pattern, "gi");
      return hideCredentials(text.replace(known, REDACTED));
    } catch {
      // Secrets too long for an expression, whose complaint would show them: then nothing is shown.
      return REDACTED;
    }
  };
  const redactNumber = (number: number): unknown => (secrets.includes(String(number)) ? REDACTED : number);
  return (value) => mapLeaves(value, redactText, redactNumber, 0) as typeof value;
}

/** Texts in a request body that must show nowhere: those in the service's own secret fields, and the proxy's credentials. */
export function secretsOf(body: unknown, secretFields: readonly string[]): string[] {
  if (!isRecord(body)) return [];
  const fields = [body, ...Object.values(body).filter(isRecord)].flatMap((record) => Object.entries(record));
  const proxies = fields.flatMap(([name, value]) => (/proxy/i.test(name) ? [value] : []));
  return [...secretFields.map((field) => body[field]), ...proxies.flatMap(credentialsOf)].flatMap(texts);
}

/** What a proxy is opened with: of an object with a name and a password, or with an address; or of an address alone. */
function credentialsOf(proxy: unknown): unknown[] {
  if (!isRecord(proxy)) return credentialsIn(proxy);
  const { username, password, url } = proxy;
  return [username, password, ...credentialsIn(url)];
}

/** Name and password in an address, as they were meant and as they stand there: `http://name:password@host:1`, `host:1:name:password`. */
function credentialsIn(address: unknown): string[] {
  if (typeof address !== "string") return [];
  const plain = address.replace(/^[a-z][a-z0-9+.-]*:\/\//i, "");
  const at = plain.lastIndexOf("@");
  const said = at < 0 ? plain.split(":").slice(2) : plain.slice(0, at).split(":");
  const texts = [said.join(":"), ...said, said.slice(1).join(":")].filter(Boolean);
  return texts.flatMap((text) => [text, decoded(text)]);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * An error of the runtime, to be handed on as a cause: itself, unless something in it shows a secret (a parser's error holds what it
 * read, a `fetch` of the caller's may hold the request). Then it is a copy that shows none.
 */
export function withoutSecrets(error: unknown, redact: Redact, depth = 0): unknown {
  if (!showsSecret(error, redact, new Set())) return error;
  if (!(error instanceof Error) || depth === DEEPEST) return redact(String(error));
  const { name, message, stack, cause } = error;
  const clean = cause === undefined ? {} : { cause: withoutSecrets(cause, redact, depth + 1) };
  const copy = new Error(redact(message), clean);
  const code = "code" in error && typeof error.code === "string" ? { code: redact(error.code) } : {};
  return Object.assign(copy, { name: redact(name), stack: redact(stack) }, code);
}

function showsSecret(value: unknown, redact: Redact, seen: Set<unknown>): boolean {
  if (typeof value === "string") return redact(value) !== value;
  if (typeof value !== "object" || value === null || seen.has(value)) return false;
  seen.add(value);
  if (value instanceof Request || value instanceof Response || value instanceof Headers) return true;
  return Reflect.ownKeys(value).some((key) =>
    showsSecret(Object.getOwnPropertyDescriptor(value, key)?.value, redact, seen),
  );
}

/** What finds a text as it is and as it may be echoed: escaped for JSON, Python, a URL, a form or HTML, in any mixture. */
function patternOf(text: string): string {
  return text.replace(/\\+|[^a-z0-9]/giu, (sign) => {
    if (!sign.startsWith("\\")) return formsOf(sign);
    return `(?:${escapesOf("\\")}|\\\\){${sign.length},${4 * sign.length}}`;
  });
}

function formsOf(sign: string): string {
  const raw = sign.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&");
  // A form writes "+" for a space; half a character becomes another one on its way.
  const other = sign === " " ? "|\\+" : /\p{Cs}/u.test(sign) ? "|\ufffd" : "";
  return `(?:${escapesOf(sign)}|\\\\{0,4}${raw}${other})`;
}

const SHORT: Readonly<Record<string, string>> = { "\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f" };
const HTML: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos" };

function escapesOf(sign: string): string {
  const code = sign.codePointAt(0) ?? 0;
  const units = sign.split("").map((unit) => `\\\\{1,4}u${hex(unit.charCodeAt(0), 4)}`);
  const bytes = [...new TextEncoder().encode(sign)].map((byte) => `%(?:25){0,2}${hex(byte, 2)}`);
  const letters = [SHORT[sign], `x${hex(code, 2)}`, `u\\{${hex(code, 1)}\\}`, `U${hex(code, 8)}`].filter(Boolean);
  const entities = [HTML[sign], `#0*${code}`, `#x0*${hex(code, 1)}`].filter(Boolean);
  const backslashed = `\\\\{1,4}(?:${letters.join("|")})`;
  return [units.join(""), bytes.join(""), backslashed, `&(?:amp;){0,2}(?:${entities.join("|")});`].join("|");
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}

/** A browser's CDP address is a credential as a whole; a presigned URL carries one in its query, others before the host. */
function hideCredentials(text: string): string {
  return text
    .replace(/(\bcdp_?url\\?["']?\s*[:=]\s*\\?["']?)[^\s"',}]+/gi, `$1${REDACTED}`)
    .replace(/\b[a-z][a-z0-9+.-]{0,19}:(?:\\?\/){2}[^\s"'<>]+/gi, hideInUrl)
    .replace(/(X-Amz-[a-z-]{1,40}(?:=|%3D))[^\s"'<>&]+/gi, `$1${REDACTED}`);
}

/** Takes each URL as one piece, so that a text made of them costs no more than its length. */
function hideInUrl(url: string): string {
  if (/^wss?:/i.test(url)) return REDACTED;
  return url.replace(/(:(?:\\?\/){2})[^/?#]*@/g, `$1${REDACTED}@`).replace(/([?#]).+$/, `$1${REDACTED}`);
}

function mapLeaves(
  value: unknown,
  text: (text: string) => string,
  number: (number: number) => unknown,
  depth: number,
): unknown {
  if (typeof value === "string") return text(value);
  if (typeof value === "number") return number(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth === DEEPEST) return "[…]";
  const map = (item: unknown) => mapLeaves(item, text, number, depth + 1);
  if (Array.isArray(value)) return value.map(map);
  const hide = (name: string, item: unknown) => (item !== null && SECRET_NAME.test(name) ? REDACTED : map(item));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [text(name), hide(name, item)]));
}

/** All texts in a value; a number is one, too. */
function texts(value: unknown): string[] {
  if (typeof value === "string" || typeof value === "number") return [String(value)];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(texts) : [];
}

/** Whether the value is an object with named fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const REDACTED = "[redacted]";
const SECRET_FIELDS = ["secrets", "sensitiveData"] as const;

/** Takes secrets out of everything that an error may show. */
export type Redact = <T>(value: T) => T;

/** A redactor for the given texts, and for URLs that carry their credentials with them. */
export function redactor(secrets: readonly string[]): Redact {
  const known = secrets.filter((secret) => secret.length > 0).sort((a, b) => b.length - a.length);
  const redactText = (text: string): string => {
    let clean = text;
    for (const secret of known) clean = clean.replaceAll(secret, REDACTED);
    return hideUrls(clean);
  };
  return (value) => mapStrings(value, redactText);
}

/** Texts in a request body that must show nowhere: task secrets and the proxy's credentials. */
export function secretsOf(body: unknown): string[] {
  if (!isRecord(body)) return [];
  const found = SECRET_FIELDS.flatMap((field) => strings(body[field]));
  const proxy = body["customProxy"];
  return isRecord(proxy) ? [...found, ...strings({ username: proxy["username"], password: proxy["password"] })] : found;
}

/** A browser's CDP address is a credential as a whole; a presigned URL carries one in its query. */
function hideUrls(text: string): string {
  return text
    .replace(/\bwss?:\/\/[^\s"'<>]+/gi, REDACTED)
    .replace(/\b(https?:\/\/[^\s"'<>?]+)\?[^\s"'<>]+/gi, `$1?${REDACTED}`);
}

function mapStrings<T>(value: T, change: (text: string) => string): T {
  if (typeof value === "string") return change(value) as T;
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, change)) as T;
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [change(key), mapStrings(item, change)])) as T;
}

function strings(value: unknown): string[] {
  return isRecord(value) ? Object.values(value).filter((item) => typeof item === "string") : [];
}

/** Whether the value is an object with named fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

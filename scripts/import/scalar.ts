import { stringify } from "yaml";

/** Plain words that need no quotes anywhere; asking the library about each would take most of the time. */
const SAFE = /^(?:[a-z_$][a-z0-9_$]*(?:[_./-][a-z0-9_$]+)*)$/i;
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\ufeff]/u;
const RESERVED = /^(?:null|true|false|yes|no|on|off|y|n)$/i;
/** Older readers take `no` for false, and a date for more than a text. */
const STYLE = { lineWidth: 0, compat: "yaml-1.1" } as const;

/** A scalar as YAML writes it on one line, within brackets. */
export function scalar(value: unknown): string {
  return onOneLine(value, (text) => {
    const list = stringify([text], { ...STYLE, collectionStyle: "flow", flowCollectionPadding: false });
    return list.trimEnd().slice(1, -1);
  });
}

/** The same outside of brackets, where commas and braces need no quotes. */
export function blockScalar(value: unknown): string {
  return onOneLine(value, (text) => stringify(text, STYLE).trimEnd());
}

function onOneLine(value: unknown, write: (text: string) => string): string {
  if (typeof value !== "string") return JSON.stringify(value);
  if (SAFE.test(value) && !RESERVED.test(value)) return value;
  if (UNPRINTABLE.test(value)) return quoted(value);
  const text = write(value);
  return /^['"]|\n/.test(text) ? quoted(value) : text;
}

/** In double quotes, unless that would escape nothing but quotes: as formatters have it. */
function quoted(value: string): string {
  const double = JSON.stringify(value).replace(/[\p{Cc}\p{Zl}\p{Zp}\ufeff]/gu, escaped);
  const quotes = value.split('"').length - 1;
  const onlyQuotes = quotes > 0 && double.length === value.length + quotes + 2;
  return onlyQuotes ? `'${value.replaceAll("'", "''")}'` : double;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

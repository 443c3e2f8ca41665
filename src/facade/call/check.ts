import type { Limit } from "../../generated/limits.ts";
import { InvalidInputError } from "../errors.ts";
import type { CallOptions } from "../types.ts";
import { isRecord } from "./redact.ts";

const LONGEST_TIMER_MS = 2_147_483_647;

/** What helps a caller whose field, or whose way to say it, is another one. */
export interface FieldNames {
  /** What callers call a field, by its name on the wire. */
  readonly names?: ReadonlyMap<string, string>;
  /** What to pass instead of a field that is not known. */
  readonly hints?: ReadonlyMap<string, string>;
}

/**
 * Checks a request body against the spec's own limits.
 *
 * @throws {@link InvalidInputError} naming the field and what it may be.
 */
export function checkLimit<T extends object>(
  limit: Limit,
  operation: string,
  body: T,
  { names = new Map(), hints = new Map() }: FieldNames = {},
): T {
  const complaint = complain(limit, body, "")
    ?.replace(/^\w+/, (field) => names.get(field) ?? field)
    .replace(/(\w+) is not a known field$/, (all, field) => all + (hints.get(field) ?? ""));
  if (complaint) throw new InvalidInputError(`${complaint} (${operation}).`);
  return body;
}

/** The first thing that is wrong with a value, or undefined. Values are never repeated: they may be secret. */
function complain(limit: Limit, value: unknown, at: string): string | undefined {
  if (limit.anyOf) return complainAboutAll(limit.anyOf, value, at);
  const named = at || "The request";
  const types = limit.type === undefined ? undefined : [limit.type].flat();
  if (types && !types.some((type) => isOfType(type, value))) return `${named} must be ${orList(types)}`;
  if (limit.enum && value !== null && !limit.enum.some((item) => item === value))
    return `${named} must be one of ${limit.enum.join(", ")}`;
  if (limit.const !== undefined && value !== limit.const) return `${named} must be ${JSON.stringify(limit.const)}`;
  if (typeof value === "number") return complainAboutRange(limit.minimum, limit.maximum, value, named, "");
  if (typeof value === "string") return complainAboutText(limit, value, named);
  if (Array.isArray(value)) return complainAboutItems(limit, value, at);
  return isRecord(value) ? complainAboutFields(limit, value, at) : undefined;
}

function complainAboutAll(anyOf: readonly Limit[], value: unknown, at: string): string | undefined {
  const complaints = anyOf.map((limit) => complain(limit, value, at));
  return complaints.includes(undefined) ? undefined : complaints.join(", or ");
}

function complainAboutRange(
  min: number | undefined,
  max: number | undefined,
  value: number,
  at: string,
  unit: string,
): string | undefined {
  if ((min === undefined || value >= min) && (max === undefined || value <= max)) return undefined;
  const range = max === undefined ? `at least ${min}` : min === undefined ? `at most ${max}` : `${min} to ${max}`;
  return `${at} must be ${range}${unit}, not ${value}`;
}

function complainAboutText(limit: Limit, value: string, at: string): string | undefined {
  if (limit.format === "uuid" && value === "") return `${at} must not be empty`;
  if (limit.pattern && !new RegExp(limit.pattern).test(value)) return `${at} must match ${limit.pattern}`;
  return complainAboutRange(limit.minLength, limit.maxLength, [...value].length, `${at}`, " characters long");
}

function complainAboutItems(limit: Limit, value: readonly unknown[], at: string): string | undefined {
  const { items } = limit;
  const complaint = complainAboutRange(limit.minItems, limit.maxItems, value.length, at, " items");
  return complaint ?? (items && first(value.map((item, index) => complain(items, item, `${at}[${index}]`))));
}

function complainAboutFields(limit: Limit, value: Record<string, unknown>, at: string): string | undefined {
  const given = Object.entries(value).filter(([, item]) => item !== undefined);
  const path = (field: string) => (at ? `${at}.${field}` : field);
  const missing = limit.required?.find((field) => value[field] === undefined);
  if (missing) return `${path(missing)} is required`;
  const known = limit.properties;
  const complaints = given.map(([field, item]) => {
    const one = known && Object.hasOwn(known, field) ? known[field] : limit.additionalProperties;
    if (one) return complain(one, item, path(field));
    return known ? `${path(field)} is not a known field` : undefined;
  });
  return first(complaints) ?? complainAboutRange(undefined, limit.maxProperties, given.length, at, " entries");
}

function first(complaints: readonly (string | undefined)[]): string | undefined {
  return complaints.find((complaint) => complaint !== undefined);
}

function isOfType(type: string, value: unknown): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isRecord(value);
  if (type === "integer") return Number.isInteger(value);
  if (type === "number") return Number.isFinite(value);
  return typeof value === type;
}

function orList(types: readonly string[]): string {
  return types.map((type) => (type === "null" ? "null" : `${/^[aeiou]/.test(type) ? "an" : "a"} ${type}`)).join(" or ");
}

/**
 * Checks an id that becomes a part of a path. `"."` and `".."` would change the path, and an empty id would ask for the list.
 *
 * @throws {@link InvalidInputError} naming the argument.
 */
export function checkId(name: string, id: unknown): string {
  const text = Number.isSafeInteger(id) ? String(id) : id;
  if (typeof text !== "string")
    throw new InvalidInputError(`${name} must be a string, not ${id === null ? "null" : typeof id}.`);
  if (text.trim() === "") throw new InvalidInputError(`${name} must not be empty.`);
  if (text === "." || text === "..") throw new InvalidInputError(`${name} must be an id, not ${JSON.stringify(text)}.`);
  if (hasControlOrLoneSurrogate(text)) throw new InvalidInputError(`${name} has a character that no id has.`);
  return text;
}

/** Whether a text has what breaks headers, paths and file names. */
export function hasControlOrLoneSurrogate(text: string): boolean {
  return /[\p{Cc}\p{Cs}]/u.test(text);
}

/**
 * Refuses options that nobody reads: a misspelled one would be silently without effect.
 *
 * @throws {@link InvalidInputError} naming the option.
 */
export function refuseUnknown(unknown: object, where: string): void {
  const [name] = Object.entries(unknown).find(([, value]) => value !== undefined) ?? [];
  if (name !== undefined) throw new InvalidInputError(`${where} has no option ${JSON.stringify(name)}.`);
}

/** Checks a signal; the controller itself is easily passed for it. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal == null || typeof signal.throwIfAborted === "function") return;
  throw new InvalidInputError("signal must be an AbortSignal: of an AbortController, pass its signal.");
}

/** Checks a query: what cannot be written into a URL is refused. */
export function checkQuery(query: object): void {
  const [name] = Object.entries(query).find(([, value]) => [value].flat().some(cannotBeEncoded)) ?? [];
  if (name !== undefined) throw new InvalidInputError(`${name} has a character that cannot be sent.`);
}

function cannotBeEncoded(value: unknown): boolean {
  return typeof value === "string" && /\p{Cs}/u.test(value);
}

/** Checks how a call is to be made, where something else is sent before it. */
export function checkCallOptions({ signal, timeoutMs, totalTimeoutMs, maxRetries }: CallOptions): void {
  checkSignal(signal);
  checkMs("timeoutMs", timeoutMs, 1);
  checkMs("totalTimeoutMs", totalTimeoutMs, 1);
  checkCount("maxRetries", maxRetries, 0);
}

/** Checks an option that is called. */
export function checkFunction(name: string, value: unknown): void {
  if (value == null || typeof value === "function") return;
  throw new InvalidInputError(`${name} must be a function.`);
}

/** Checks an option that is a time in milliseconds. */
export function checkMs(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value === "number" && value > 0 && value <= LONGEST_TIMER_MS) return value;
  throw new InvalidInputError(`${name} must be more than 0 and at most ${LONGEST_TIMER_MS} milliseconds.`);
}

/** Checks an option that is a count. */
export function checkCount(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (Number.isInteger(value) && value >= 0) return value;
  throw new InvalidInputError(`${name} must be a whole number, 0 or more.`);
}

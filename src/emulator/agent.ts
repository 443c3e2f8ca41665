import type { Cloud } from "./cloud.ts";
import type { TaskJob } from "./options.ts";

type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The agent that answers when the user of the emulator gave none: two steps, then a text that says what it is, or the smallest value that fits the
 * schema the output has to follow.
 */
export function emulatorAgent(cloud: Cloud, outputSchema: unknown): (job: TaskJob) => Promise<unknown> {
  const pause = (): Promise<void> =>
    new Promise((resolve) => cloud.clock.after(cloud.settings.startDelayMs, () => resolve()));
  return async (job) => {
    await job.step({ summary: "Emulator: read the task", url: "about:blank" });
    await pause();
    await job.step({ summary: "Emulator: answered without a browser or a language model", url: "about:blank" });
    await pause();
    if (isSchema(outputSchema)) return smallest(outputSchema, outputSchema);
    return `This is the Browser Use emulator. No agent is attached, so nothing was done about: ${job.task.slice(0, 200)}`;
  };
}

/**
 * A minimal value that fits a JSON schema, as far as a simple agent can tell: of the ways to fill a union it takes the first that does not
 * lead back to where it came from, and for a `pattern` it tries a few usual texts.
 */
export function smallest(schema: unknown, root: JsonSchema, depth = 0): unknown {
  if (!isSchema(schema) || depth > 20) return null;
  if ("default" in schema) return schema["default"];
  if ("const" in schema) return schema["const"];
  if (Array.isArray(schema["enum"])) return schema["enum"][0];
  if (typeof schema["$ref"] === "string") return smallest(pointed(root, schema["$ref"]), root, depth + 1);
  for (const keyword of ["anyOf", "oneOf"]) {
    const branches = schema[keyword];
    if (Array.isArray(branches)) return smallest(branches.find(isPlain) ?? branches[0], root, depth + 1);
  }
  if (Array.isArray(schema["allOf"])) return merged(schema["allOf"], schema, root, depth);
  return byType(schema, root, depth);
}

function isPlain(schema: unknown): boolean {
  return !isSchema(schema) || !("$ref" in schema);
}

function byType(schema: JsonSchema, root: JsonSchema, depth: number): unknown {
  const type = Array.isArray(schema["type"]) ? schema["type"][0] : schema["type"];
  if (type === "string") return smallestText(schema);
  if (type === "integer" || type === "number") return smallestNumber(schema, type);
  if (type === "boolean") return false;
  if (type === "array") return smallestArray(schema, root, depth);
  if (type === "object" || isSchema(schema["properties"])) return smallestObject(schema, root, depth);
  return null;
}

function smallestArray(schema: JsonSchema, root: JsonSchema, depth: number): unknown[] {
  const first = Array.isArray(schema["prefixItems"]) ? schema["prefixItems"] : [];
  const length = Math.max(first.length, numberOf(schema["minItems"]));
  return Array.from({ length }, (_, index) => smallest(first[index] ?? schema["items"], root, depth + 1));
}

function smallestObject(schema: JsonSchema, root: JsonSchema, depth: number): Record<string, unknown> {
  const properties = isSchema(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"].map(String) : [];
  const of = (name: string) => properties[name] ?? schema["additionalProperties"];
  return Object.fromEntries(required.map((name) => [name, smallest(of(name), root, depth + 1)]));
}

/** One text of each usual kind; the first that a schema takes is the answer. */
const USUAL: ReadonlyMap<string, string> = new Map([
  ["date-time", "2026-01-01T00:00:00Z"],
  ["date", "2026-01-01"],
  ["time", "00:00:00"],
  ["duration", "PT0S"],
  ["email", "agent@example.com"],
  ["uri", "https://example.com/"],
  ["uuid", "00000000-0000-4000-8000-000000000000"],
  ["ipv4", "127.0.0.1"],
  ["ipv6", "::1"],
  ["number", "0"],
  ["word", "x"],
]);

function smallestText(schema: JsonSchema): string {
  const short = "".padEnd(numberOf(schema["minLength"]), "x");
  const usual = USUAL.get(String(schema["format"])) ?? short;
  if (typeof schema["pattern"] !== "string") return usual;
  const fits = tester(schema["pattern"]);
  return [usual, short, ...USUAL.values()].find(fits) ?? short;
}

function tester(pattern: string): (text: string) => boolean {
  try {
    const expression = new RegExp(pattern, "u");
    return (text) => expression.test(text);
  } catch {
    return () => false;
  }
}

/** Zero if it may be; else what is next to a bound, or between the two. */
function smallestNumber(schema: JsonSchema, type: "integer" | "number"): number {
  const step = numberOf(schema["multipleOf"]) || (type === "integer" ? 1 : 0);
  const least = Math.max(numberOf(schema["minimum"], -Infinity), numberOf(schema["exclusiveMinimum"], -Infinity));
  const most = Math.min(numberOf(schema["maximum"], Infinity), numberOf(schema["exclusiveMaximum"], Infinity));
  const near = [0, least, least + (step || 1), most, most - (step || 1), (least + most) / 2];
  const steps =
    step === 0 ? near : near.flatMap((one) => [Math.ceil(one / step) * step, Math.floor(one / step) * step]);
  const fits = (one: number) =>
    one >= least && one <= most && one !== schema["exclusiveMinimum"] && one !== schema["exclusiveMaximum"];
  return steps.find(fits) ?? 0;
}

function merged(parts: readonly unknown[], schema: JsonSchema, root: JsonSchema, depth: number): unknown {
  const values = [...parts, { ...schema, allOf: undefined }].map((part) => smallest(part, root, depth + 1));
  const objects = values.filter(isSchema);
  return objects.length > 0 ? Object.assign({}, ...objects) : (values.find((value) => value !== null) ?? null);
}

function pointed(root: JsonSchema, reference: string): unknown {
  if (!reference.startsWith("#")) return undefined;
  const keys = reference.split("/").slice(1);
  return keys.reduce<unknown>((at, key) => (isSchema(at) ? at[key.replace(/~1/g, "/").replace(/~0/g, "~")] : at), root);
}

function numberOf(value: unknown, otherwise = 0): number {
  return typeof value === "number" ? value : otherwise;
}

function isSchema(value: unknown): value is JsonSchema {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

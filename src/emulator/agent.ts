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

/** A minimal value that fits a JSON schema; keywords that narrow further (`pattern`, `format`) are not followed. */
export function smallest(schema: unknown, root: JsonSchema, depth = 0): unknown {
  if (!isSchema(schema) || depth > 20) return null;
  if ("default" in schema) return schema["default"];
  if ("const" in schema) return schema["const"];
  if (Array.isArray(schema["enum"])) return schema["enum"][0];
  if (typeof schema["$ref"] === "string") return smallest(pointed(root, schema["$ref"]), root, depth + 1);
  for (const keyword of ["anyOf", "oneOf"]) {
    if (Array.isArray(schema[keyword])) return smallest(schema[keyword][0], root, depth + 1);
  }
  if (Array.isArray(schema["allOf"])) return merged(schema["allOf"], schema, root, depth);
  return byType(schema, root, depth);
}

function byType(schema: JsonSchema, root: JsonSchema, depth: number): unknown {
  const type = Array.isArray(schema["type"]) ? schema["type"][0] : schema["type"];
  if (type === "string") return "".padEnd(numberOf(schema["minLength"]), "x");
  if (type === "integer" || type === "number") return smallestNumber(schema);
  if (type === "boolean") return false;
  if (type === "array") {
    return Array.from({ length: numberOf(schema["minItems"]) }, () => smallest(schema["items"], root, depth + 1));
  }
  if (type === "object" || isSchema(schema["properties"])) return smallestObject(schema, root, depth);
  return null;
}

function smallestObject(schema: JsonSchema, root: JsonSchema, depth: number): Record<string, unknown> {
  const properties = isSchema(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"].map(String) : [];
  return Object.fromEntries(required.map((name) => [name, smallest(properties[name], root, depth + 1)]));
}

function smallestNumber(schema: JsonSchema): number {
  if (typeof schema["minimum"] === "number") return Math.max(0, Math.ceil(schema["minimum"]));
  if (typeof schema["exclusiveMinimum"] === "number") return Math.max(0, Math.floor(schema["exclusiveMinimum"]) + 1);
  return typeof schema["maximum"] === "number" ? Math.min(0, Math.floor(schema["maximum"])) : 0;
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

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function isSchema(value: unknown): value is JsonSchema {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

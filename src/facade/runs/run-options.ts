import { checkFunction, checkMs, checkSignal, refuseUnknown } from "../call/check.ts";
import type { CallOptions } from "../types.ts";
import type { ResultOptions } from "./runs.ts";
import type { OutputSchema } from "./schema.ts";

/** What a run is to answer. */
export interface SchemaOption<Output> {
  /** What the output must look like: any Standard Schema that gives JSON Schema, or `{ jsonSchema, validate }`. */
  readonly schema?: OutputSchema<Output> | undefined;
}

/** A schema that is there for sure, so that the output is its own; with one that may be missing, the answer may come as it is. */
export interface SchemaGiven<Output> {
  readonly schema: OutputSchema<Output>;
}

/** How `run` dispatches a task and waits for its answer. */
export interface RunOptions<Output> extends SchemaOption<Output>, ResultOptions {}

/** How `start` dispatches a task. */
export interface StartOptions<Output> extends SchemaOption<Output>, CallOptions {}

/** What a dispatch with these options is made of. */
interface StartParts<Output, T> {
  readonly schema: OutputSchema<Output> | undefined;
  readonly signal: AbortSignal | undefined;
  readonly limits: CallOptions;
  /** What goes to the service. */
  readonly fields: Omit<T, keyof StartOptions<Output>>;
}

/** Parts the options of `run`: how it is waited for, and the rest, with which it is dispatched. */
export function splitRunOptions<T extends RunOptions<unknown>>(
  options: T,
): { readonly waiting: ResultOptions; readonly starting: Omit<T, "onStep" | "waitTimeoutMs"> } {
  const { onStep, waitTimeoutMs, ...starting } = options;
  checkMs("waitTimeoutMs", waitTimeoutMs, 1);
  checkFunction("onStep", onStep);
  checkSignal(options.signal);
  return { waiting: { onStep, waitTimeoutMs, signal: options.signal }, starting };
}

/** Parts the options of `start`: how the call is made, the schema, and the fields that go to the service. */
export function splitStartOptions<Output, T extends StartOptions<Output>>(options: T): StartParts<Output, T> {
  const { schema, signal, timeoutMs, totalTimeoutMs, maxRetries, ...fields } = options;
  checkSignal(signal);
  return { schema, signal, limits: { timeoutMs, totalTimeoutMs, maxRetries }, fields };
}

/** Refuses fields that the types do not offer: the facade sets them itself, or they belong to another call. */
export function refuseFields(given: object, where: string, ...names: readonly string[]): void {
  const fields = given as Readonly<Record<string, unknown>>;
  refuseUnknown(Object.fromEntries(names.map((name) => [name, fields[name]])), where);
}

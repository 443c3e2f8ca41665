import { type ParseArgsConfig, parseArgs } from "node:util";

/** A command line that cannot be carried out. */
export class UsageError extends Error {}

/** One command of the command line. */
export interface Command {
  readonly usage: string;
  /** Carries it out: the exit code, at once or when all is done. */
  readonly run: (args: readonly string[]) => Promise<number>;
}

/**
 * The options on a command line that has nothing else.
 *
 * @throws {@link UsageError} for an argument that is no option; the system's own error for an unknown option.
 */
export function optionsOf<const T extends NonNullable<ParseArgsConfig["options"]>>(
  args: readonly string[],
  options: T,
): ReturnType<typeof parseArgs<{ args: string[]; allowPositionals: true; options: T }>>["values"] {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
  if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
  return values;
}

/** @throws {@link UsageError} for what is no whole number in these limits. */
export function wholeNumber(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`--${name} takes a whole number from ${min} to ${max}, not "${text}"`);
}

/** A message as it may be shown: what stands before the @ of an address is taken out. */
export function withoutCredentials(message: string): string {
  return message.replace(/\b([\w+.-]+:\/\/)\S*@/g, "$1…@");
}

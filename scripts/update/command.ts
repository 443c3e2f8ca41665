import { repositoryRoot } from "../spec/pipeline.ts";
import { SpecError } from "../spec/problem.ts";
import { type ApiVersion, services as registered, type Service, versionsOf } from "../versions.ts";
import { asText } from "./report.ts";
import { typeErrors } from "./type-check.ts";
import { type Update, update } from "./update.ts";

/** How a command ended, and what to print. */
export interface Outcome {
  /** 0: nothing is left to do but to review. 1: a person must mend something. 2: wrong usage. */
  readonly exitCode: 0 | 1 | 2;
  readonly output: string;
}

/** What a test puts in the place of this repository and its compiler. */
export interface Surroundings {
  readonly root?: string;
  readonly services?: readonly Service[];
  readonly typeErrors?: (root: string) => Promise<readonly string[]>;
  readonly today?: string;
}

/**
 * `npm run spec:update`: imports each version from the address in `scripts/versions.ts`, or from the one given as `v2=…`, and
 * carries the change through to the changelog.
 *
 * A source that cannot be imported becomes one line per problem, and no file is touched then.
 */
export async function updateCommand(args: readonly string[], surroundings: Surroundings = {}): Promise<Outcome> {
  const { root = repositoryRoot, services = registered, today = new Date().toISOString().slice(0, 10) } = surroundings;
  const versions = versionsOf(services);
  const updates = updatesOf(args, versions);
  if (updates === undefined) return { exitCode: 2, output: usage(versions) };
  try {
    const checkTypes = surroundings.typeErrors ?? typeErrors;
    const report = await update(updates, { root, services, today, typeErrors: checkTypes });
    return { exitCode: report.problems.length === 0 ? 0 : 1, output: asText(report) };
  } catch (error) {
    if (error instanceof SpecError) return { exitCode: 1, output: `${error.message}\nNothing was changed.` };
    throw error;
  }
}

/** Without arguments, every version; else those named, and only those. */
function updatesOf(args: readonly string[], versions: readonly ApiVersion[]): Update[] | undefined {
  if (args.length === 0) return versions.map((version) => ({ version, source: version.source ?? version.structure }));
  const updates = args.map((arg) => {
    const [, name, source = ""] = /^([^=]+)=(.+)$/.exec(arg) ?? [];
    return { version: versions.find((one) => one.name === name), source };
  });
  const known = updates.filter((one): one is Update => one.version !== undefined);
  const distinct = new Set(known.map(({ version }) => version));
  return known.length === args.length && distinct.size === args.length ? known : undefined;
}

function usage(versions: readonly ApiVersion[]): string {
  const each = versions.map(({ name }) => `[${name}=<file|url>]`).join(" ");
  const sources = versions.map(({ name, source }) => `  ${name}  ${source ?? "(no address known)"}`);
  return [`usage: npm run spec:update -- ${each}`, "", "Without arguments, from:", ...sources].join("\n");
}

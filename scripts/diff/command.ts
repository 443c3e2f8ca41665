import { parseArgs } from "node:util";
import type { Sources } from "../spec/pipeline.ts";
import { SpecError } from "../spec/problem.ts";
import { type ApiVersion, services as registered, versionsOf } from "../versions.ts";
import { type Finding, type Severity, severities } from "./change.ts";
import { diff } from "./diff.ts";
import { type ReadOptions, readSource } from "./source.ts";
import { asJson, asText } from "./text.ts";

const USAGE = `usage: npm run spec:diff -- <old> <new> [--structure | --as <version>] [--json] [--fail-on <severity>]

  <old> <new>   files (OpenAPI 3.1, YAML or JSON), or registered versions such as v2, with their overlays applied
  --structure   registered versions without their overlays
  --as v2       files with the overlays of this version, as far as they fit
  --json        for programs: everything, and nothing shortened
  --fail-on     breaking (default), risky, compatible or never: from where on the exit code tells what was found

exit code: 0 nothing as bad as that; else by the worst found: 10 compatible, 20 risky, 30 breaking;
           1 something cannot be read; 2 wrong usage`;

const EXIT_CODES = { breaking: 30, risky: 20, compatible: 10 } as const;
const THRESHOLDS: readonly string[] = [...severities, "never"];

/** How a command ended: what to print, and where. */
export interface Outcome {
  readonly exitCode: number;
  readonly output: string;
}

interface Request {
  readonly old: string;
  readonly new: string;
  readonly json: boolean;
  readonly failOn: Severity | "never";
  readonly reading: ReadOptions;
}

/**
 * `npm run spec:diff`: tells what changed between two descriptions of an API.
 *
 * What is wrong with the input becomes one line per problem; anything else is a bug of ours, and is thrown.
 */
export async function diffCommand(args: readonly string[], sources: Sources = {}): Promise<Outcome> {
  const request = requestOf(args, versionsOf(sources.services ?? registered));
  if (request === undefined) return { exitCode: 2, output: USAGE };
  try {
    return await answer(request, { ...sources, ...request.reading });
  } catch (error) {
    if (error instanceof SpecError) return { exitCode: 1, output: error.message };
    throw error;
  }
}

async function answer(request: Request, options: ReadOptions): Promise<Outcome> {
  const [old, fresh] = [await readSource(request.old, options), await readSource(request.new, options)];
  const findings = diff(old, fresh);
  const report = { old: request.old, new: request.new, findings };
  return {
    exitCode: exitCodeFor(findings, request.failOn),
    output: request.json ? asJson(report) : asText(report),
  };
}

/** Findings come the worst first. */
function exitCodeFor([worst]: readonly Finding[], failOn: Severity | "never"): number {
  if (worst === undefined || failOn === "never") return 0;
  return severities.indexOf(worst.severity) <= severities.indexOf(failOn) ? EXIT_CODES[worst.severity] : 0;
}

function requestOf(args: readonly string[], versions: readonly ApiVersion[]): Request | undefined {
  const { positionals = [], values = {} } = parse(args) ?? {};
  const [old, fresh, more] = positionals;
  const { json = false, structure = false, as, "fail-on": failOn = "breaking" } = values;
  if (old === undefined || fresh === undefined || more !== undefined || !isThreshold(failOn)) return undefined;
  if (as !== undefined && (structure || !versions.some(({ name }) => name === as))) return undefined;
  return { old, new: fresh, json, failOn, reading: { structureOnly: structure, as } };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: "boolean" },
        structure: { type: "boolean" },
        as: { type: "string" },
        "fail-on": { type: "string" },
      },
    });
  } catch {
    return undefined;
  }
}

function isThreshold(value: string): value is Severity | "never" {
  return THRESHOLDS.includes(value);
}

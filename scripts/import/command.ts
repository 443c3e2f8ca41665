import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { repositoryRoot } from "../spec/pipeline.ts";
import { SpecError } from "../spec/problem.ts";
import { type ApiVersion, versions } from "../versions.ts";
import { importSpec } from "./import.ts";
import { asJson, asText, type Report } from "./report.ts";
import { save } from "./save.ts";
import { readSource } from "./source.ts";

/** How the command ended: what to print, and where. */
export interface Outcome {
  readonly exitCode: 0 | 1 | 2;
  readonly text: string;
}

interface Request {
  readonly source: string;
  readonly version: ApiVersion;
  readonly out: string;
  readonly dryRun: boolean;
  readonly json: boolean;
}

const names = versions.map(({ name }) => name).join("|");
const USAGE = `usage: npm run spec:import -- <file|url> --as ${names} [--out <file>] [--dry-run] [--json]`;
const MAX_LINES = 20;

/**
 * `npm run spec:import`: turns a document of the vendor into a structure file, and reports what was repaired.
 *
 * What is wrong with the source becomes one line per problem, and nothing is written then; anything else is a bug of ours,
 * and is thrown.
 */
export async function importCommand(args: readonly string[]): Promise<Outcome> {
  const request = requestOf(args);
  if (typeof request === "string") return { exitCode: 2, text: `${request}\n${USAGE}` };
  try {
    const report = await run(request);
    return { exitCode: 0, text: request.json ? asJson(report) : asText(report) };
  } catch (error) {
    if (error instanceof SpecError) return { exitCode: 1, text: shortened(error.message) };
    throw error;
  }
}

async function run({ source, version, out, dryRun }: Request): Promise<Report> {
  const { text, report } = await importSpec(await readSource(source), version);
  return { ...report, out, result: dryRun ? "dry run" : await save(out, text) };
}

/** The request, or what is wrong with the arguments. */
function requestOf(args: readonly string[]): Request | string {
  const parsed = parsedArgs(args);
  if (typeof parsed === "string") return parsed;
  const { values, positionals } = parsed;
  const [source] = positionals;
  const version = versions.find(({ name }) => name === values.as);
  if (source === undefined || positionals.length > 1) return "give one file or address";
  if (version === undefined) return `--as must be one of ${names}`;
  const out = values.out ?? relative(process.cwd(), join(repositoryRoot, version.structure));
  return { source, version, out, dryRun: values["dry-run"], json: values.json };
}

function parsedArgs(args: readonly string[]): ReturnType<typeof parsedOrThrow> | string {
  try {
    return parsedOrThrow(args);
  } catch (error) {
    return error instanceof Error ? (error.message.split(". ")[0] ?? error.message) : String(error);
  }
}

function parsedOrThrow(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      as: { type: "string" },
      out: { type: "string" },
      "dry-run": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
}

function shortened(message: string): string {
  const lines = message.split("\n");
  if (lines.length <= MAX_LINES) return message;
  return [...lines.slice(0, MAX_LINES), `… and ${lines.length - MAX_LINES} more problems`].join("\n");
}

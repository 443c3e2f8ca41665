import { type ExecFileException, execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { repositoryRoot } from "../spec/pipeline.ts";
import { type Problem, SpecError } from "../spec/problem.ts";
import { plainMapping } from "./plain.ts";

/** What the child says of one text. */
export type Parsed = { readonly value: unknown } | { readonly problem: Problem };

/** What a process of its own may take. */
export interface Limits {
  readonly timeoutMs: number;
  readonly memoryMb: number;
}

/** Up to here a text can do no harm, whatever it holds. */
const SMALL = 64_000;
const MEMORY_MB = 2_048;

/**
 * Reads YAML texts that may be hostile. What is larger than small is read by a process of its own, with limits on time and
 * memory, because the parser has no limits: a megabyte of commas takes it a gigabyte.
 *
 * @throws {@link SpecError} for the file as a whole, when a limit is reached.
 */
export async function parseIsolated(texts: readonly string[], file: string, limits?: Limits): Promise<Parsed[]> {
  const size = texts.reduce((sum, text) => sum + text.length, 0);
  if (size <= SMALL) return texts.map((text) => parseOne(text, file));
  const usual = { timeoutMs: 12_000 + Math.ceil(size / 500), memoryMb: MEMORY_MB };
  return (await inChild(JSON.stringify({ texts, file }), limits ?? usual, file)) as Parsed[];
}

/** Reads one text here. */
export function parseOne(text: string, file: string): Parsed {
  try {
    return { value: plainMapping(text, file) };
  } catch (error) {
    if (error instanceof SpecError && error.problems[0]) return { problem: error.problems[0] };
    throw error;
  }
}

function inChild(input: string, limits: Limits, file: string): Promise<unknown> {
  const script = fileURLToPath(new URL("parse-child.ts", import.meta.url));
  const args = [`--max-old-space-size=${limits.memoryMb}`, "--import", "tsx", script];
  const options = {
    cwd: repositoryRoot,
    timeout: limits.timeoutMs,
    killSignal: "SIGKILL",
    maxBuffer: 2 ** 30,
  } as const;
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, args, options, (error, output) => {
      if (error) reject(asProblem(error, limits, file));
      else resolve(JSON.parse(output));
    });
    // When the child dies early, its end is reported above; that nobody reads the rest is no news.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}

/** Why the child gave no answer; anything but a limit is a bug of ours. */
function asProblem(error: ExecFileException, { timeoutMs, memoryMb }: Limits, file: string): Error {
  const limit = error.killed ? `${timeoutMs / 1_000} seconds` : isOutOfMemory(error) && `${memoryMb} MB of memory`;
  if (!limit) return error;
  const message = `cannot be read within ${limit}; is it a description of an API?`;
  return new SpecError([{ file, place: "", message }]);
}

/** Node aborts then. */
function isOutOfMemory({ signal, code }: ExecFileException): boolean {
  return signal === "SIGABRT" || code === 134;
}

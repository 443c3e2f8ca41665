import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What a process has used until its modules were there. */
export interface Started {
  /** Since the process began. */
  readonly wallMs: number;
  /** User and system time, of all its threads. */
  readonly cpuMs: number;
}

const REPORT = "process.stdout.write(JSON.stringify([performance.now(), process.cpuUsage()]))";

/** Starts node with nothing but these imports. */
export async function started(specifiers: readonly string[]): Promise<Started> {
  const imports = specifiers.map((specifier) => `import ${JSON.stringify(specifier)};`);
  const program = [...imports, REPORT].join("\n");
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program]);
  const [wallMs, { user, system }] = JSON.parse(stdout) as [number, NodeJS.CpuUsage];
  return { wallMs, cpuMs: (user + system) / 1_000 };
}

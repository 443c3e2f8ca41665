/** Runs all measurements one after the other, each in a process of its own, and prints what counts in one table. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { type Row, rowsAsTable, say } from "./support/bench.ts";

const BENCHES = [
  "await-runs",
  "api-call",
  "upload",
  "import-cost",
  "pool-warm",
  "pool-redis",
  "pool-throughput",
  "pool-simulation",
] as const;

const rows: Row[] = [];
for (const name of BENCHES) {
  say(`\n# ${name}\n`);
  rows.push(...(await rowsOf(name)));
}
say(`\n# All\n\n${rowsAsTable(rows)}`);

async function rowsOf(name: string): Promise<readonly Row[]> {
  const child = fork(new URL(`${name}.ts`, import.meta.url), process.argv.slice(2), { execArgv: ["--import", "tsx"] });
  let rows: readonly Row[] = [];
  child.on("message", (message) => {
    // What `main` sends.
    rows = message as readonly Row[];
  });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${name} ended with ${code}.`);
  return rows;
}

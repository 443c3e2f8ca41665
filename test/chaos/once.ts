import { writeFileSync } from "node:fs";
import { bundleWorker } from "./fleet.ts";
import { seedOf } from "./random.ts";
import { type StormOptions, storm } from "./storm.ts";

// One storm to look at, with all that happened in a file:
//   CHAOS_SEED=33 npx tsx test/chaos/once.ts '{"durationMs":15000,"mix":"profiles"}' history.txt

const weather = JSON.parse(process.argv[2] ?? "{}") as Partial<StormOptions>;
const bundle = await bundleWorker();
try {
  const report = await storm({ durationMs: 20_000, ending: "kill", ...weather, seed: seedOf(), bundle });
  console.log(report.summary);
  console.log(report.text);
  if (process.argv[3]) writeFileSync(process.argv[3], `${report.history.join("\n")}\n`);
} finally {
  bundle.remove();
}

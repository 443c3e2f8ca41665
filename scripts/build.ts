/** Builds `dist/`: plain tsc, and the generated validators beside it, which are JavaScript already. */
import { execFileSync } from "node:child_process";
import { copyFileSync, rmSync } from "node:fs";
import { services } from "./versions.ts";

rmSync("dist", { recursive: true, force: true });
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" });
for (const { output } of services)
  for (const file of ["validators.js", "validators.d.ts"])
    copyFileSync(`${output}/${file}`, `${output.replace(/^src/, "dist")}/${file}`);

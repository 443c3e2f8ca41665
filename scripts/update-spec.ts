// Takes the vendor's newest descriptions in: import, diff, generate, type-check, changelog, in one report.
import { updateCommand } from "./update/command.ts";

const { exitCode, output } = await updateCommand(process.argv.slice(2));
(exitCode === 0 ? console.log : console.error)(output);
process.exitCode = exitCode;

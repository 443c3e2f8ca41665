// Tells what changed between two descriptions of an API. Run it without arguments to read how.
import { diffCommand } from "./diff/command.ts";

// Whoever reads the first lines only (`| head`) closes the pipe, and has what was wanted.
process.stdout.on("error", () => process.exit());

const { exitCode, output } = await diffCommand(process.argv.slice(2));
(exitCode === 1 || exitCode === 2 ? console.error : console.log)(output);
process.exitCode = exitCode;

// Turns a document of the vendor (a file or an address) into a structure file of openapi/, and says what it repaired.
import { importCommand } from "./import/command.ts";

const { exitCode, text } = await importCommand(process.argv.slice(2));
(exitCode === 0 ? console.log : console.error)(text);
process.exitCode = exitCode;

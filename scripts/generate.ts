// Writes src/generated/ from openapi/. With --check it writes nothing, and fails when a file is out of date.
import { generateCommand } from "./spec/command.ts";

const { exitCode, line } = await generateCommand(process.argv.slice(2));
(exitCode === 0 ? console.log : console.error)(line);
process.exitCode = exitCode;

import { execFile } from "node:child_process";

const MAX_LINES = 40;

/** What tsc says of the repository, one line each: the places that a change of the specs reaches. */
export function typeErrors(root: string): Promise<readonly string[]> {
  const args = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json", "--pretty", "false"];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: root, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const lines = `${stdout}${error && !stdout ? stderr || error.message : ""}`
        .split("\n")
        .filter((line) => line.trim() !== "");
      const more = lines.length - MAX_LINES;
      resolve(error ? [...lines.slice(0, MAX_LINES), ...(more > 0 ? [`… and ${more} lines more`] : [])] : []);
    });
  });
}

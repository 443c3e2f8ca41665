import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** A folder in which the packed tarball is installed, as a user would have it. */
    readonly consumer: string;
  }
}

/** Builds, packs, and unpacks into an empty project. Dependencies are copied, so that no network is needed. */
export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), "browser-use-client-"));
  run("npm", ["run", "--silent", "build"]);
  run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder]);
  const [tarball = ""] = readdirSync(folder);
  const installed = join(folder, "node_modules/browser-use-client");
  mkdirSync(installed, { recursive: true });
  run("tar", ["xzf", join(folder, tarball), "-C", installed, "--strip-components", "1"]);
  for (const name of ["openapi-fetch", "openapi-typescript-helpers", "@types/node", "undici-types", "zod"]) {
    cpSync(join("node_modules", name), join(folder, "node_modules", name), { recursive: true });
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  project.provide("consumer", folder);
  return () => rmSync(folder, { recursive: true, force: true });
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });
}

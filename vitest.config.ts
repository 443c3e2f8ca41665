import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const OWN_PROJECT = ["test/**/*.wire.test.ts", "test/package/**"];

// Three projects. `wire` checks the exact shape of requests under nock, and no request leaves the process. `sockets` runs on
// real loopback servers and never loads nock, which wraps fetch even for what it lets through. `package` uses the packed tarball.
export default defineConfig({
  test: {
    // Of two cores vitest would leave one idle, and take twice as long.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: process.env["CI"] ? ["default", ["json", { outputFile: "test-results.json" }]] : ["default"],
    projects: [
      { test: { name: "wire", include: ["test/**/*.wire.test.ts"], setupFiles: ["test/support/no-network.ts"] } },
      { test: { name: "sockets", include: ["test/**/*.test.ts"], exclude: OWN_PROJECT, testTimeout: 20_000 } },
      {
        test: {
          name: "package",
          include: ["test/package/*.test.ts"],
          globalSetup: ["test/package/pack.ts"],
          testTimeout: 60_000,
        },
      },
    ],
  },
});

import { defineConfig } from "vitest/config";

// A run of its own, with a fleet of processes on all cores: one file after the other, and never beside the other tests.
export default defineConfig({
  test: {
    reporters: process.env["CI"] ? ["default", ["json", { outputFile: "chaos-results.json" }]] : ["default"],
    name: "chaos",
    include: ["test/chaos/*.chaos.ts"],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});

import { defineConfig } from "vitest/config";

// Two projects: `wire` checks the exact shape of requests under nock, and no request leaves the process;
// `sockets` runs on real loopback servers and never loads nock, which wraps fetch even for what it lets through.
export default defineConfig({
  test: {
    projects: [
      { test: { name: "wire", include: ["test/**/*.wire.test.ts"], setupFiles: ["test/support/no-network.ts"] } },
      { test: { name: "sockets", include: ["test/**/*.test.ts"], exclude: ["test/**/*.wire.test.ts"], testTimeout: 20_000 } },
    ],
  },
});

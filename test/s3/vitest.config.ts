import { defineConfig } from "vitest/config";

// What AWS will do about versions of Node a year from now is not what these tests tell.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";

// A run of its own: it starts an object store, which the other tests do without.
export default defineConfig({
  test: {
    reporters: process.env["CI"] ? ["default", ["json", { outputFile: "s3-results.json" }]] : ["default"],
    name: "s3",
    include: ["test/s3/*.s3.ts"],
    globalSetup: ["test/s3/gateway.ts"],
    testTimeout: 60_000,
  },
});

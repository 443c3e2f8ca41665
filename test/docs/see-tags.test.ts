import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

const FACADE = "src/facade";
const { paths }: { paths: Record<string, object> } = parse(readFileSync("src/generated/openapi.yaml", "utf8"));
const operations = new Set(
  Object.entries(paths).flatMap(([path, item]) => Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`)),
);
const files = readdirSync(FACADE, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
const tags = files.flatMap((file) =>
  [...readFileSync(join(FACADE, file), "utf8").matchAll(/@see `([^`]+)`/g)].map(([, operation = ""]) => ({
    file,
    operation,
  })),
);

describe("docstrings", () => {
  test("name operations", () => {
    expect(tags.length).toBeGreaterThan(20);
  });

  test.each(tags)("$file: $operation is in the merged spec", ({ operation }) => {
    expect(operations).toContain(operation);
  });
});

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

const FOLDER = "src/skyvern";
const { paths }: { paths: Record<string, object> } = parse(readFileSync("src/generated/skyvern/openapi.yaml", "utf8"));
const operations = Object.entries(paths).flatMap(([path, item]) =>
  Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
);
const tags = readdirSync(FOLDER).flatMap((file) =>
  [...readFileSync(join(FOLDER, file), "utf8").matchAll(/@see `([^`]+)`/g)].map(([, operation = ""]) => ({
    file,
    operation,
  })),
);

describe("docstrings", () => {
  test("name operations", () => {
    expect(tags.length).toBeGreaterThan(15);
  });

  test.each(tags)("$file: $operation is in the merged spec", ({ operation }) => {
    expect(operations).toContain(operation);
  });
});

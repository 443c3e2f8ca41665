import { createConfig, lintFromString, type NormalizedProblem } from "@redocly/openapi-core";
import type { OpenApiDocument } from "./document.ts";
import type { Problem } from "./problem.ts";

// What our own assertions say better (unique operationIds, dangling references) is left to them.
const rules = {
  struct: "error",
  "no-ambiguous-paths": "error",
  "no-enum-type-mismatch": "error",
  "no-identical-paths": "error",
  "no-path-trailing-slash": "error",
  "no-required-schema-properties-undefined": "error",
  "no-schema-type-mismatch": "error",
  "operation-2xx-response": "error",
  "operation-4xx-response": "error",
  "operation-parameters-unique": "error",
  "operation-summary": "error",
  "path-declaration-must-exist": "error",
  "path-parameters-defined": "error",
  "security-defined": "error",
} as const;

/** A rule that {@link lint} checks. */
export type LintRule = keyof typeof rules;

/**
 * Problems that a general OpenAPI linter sees in a document. The only place that knows Redocly.
 *
 * @param without rules that cannot hold yet.
 */
export async function lint(
  document: OpenApiDocument,
  file: string,
  without: readonly LintRule[] = [],
): Promise<Problem[]> {
  const off = Object.fromEntries(without.map((rule) => [rule, "off" as const]));
  const config = await createConfig({ rules: { ...rules, ...off } });
  try {
    const found = await lintFromString({ source: JSON.stringify(document), absoluteRef: file, config });
    return found.map((problem) => toProblem(problem, file));
  } catch (error) {
    return [
      { file, place: "", message: `cannot be linted (${error instanceof Error ? error.message : error}); correct it` },
    ];
  }
}

function toProblem({ message, location, ruleId }: NormalizedProblem, file: string): Problem {
  const said = message.trim().replace(/\.$/, "");
  const remedy = `correct it in the overlay, or at its source (lint rule ${ruleId})`;
  return { file, place: readable(location[0]?.pointer ?? ""), message: `${said}; ${remedy}` };
}

/** `#/paths/~1tasks/get/responses` → `paths./tasks.get.responses`. */
function readable(pointer: string): string {
  const keys = pointer.replace(/^#?\/?/, "").split("/");
  return keys.map((key) => key.replace(/~1/g, "/").replace(/~0/g, "~")).join(".");
}

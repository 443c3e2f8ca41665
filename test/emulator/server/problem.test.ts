import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { problems } from "../../../src/emulator/server/problem.ts";

interface ErrorSchema {
  readonly properties?: { readonly detail?: { readonly default?: string } };
}

test("refusals that the spec has a text for use that text", async () => {
  const spec = parse(await readFile("src/generated/openapi.yaml", "utf8")) as {
    components: { schemas: Record<string, ErrorSchema> };
  };
  const text = (name: string) => spec.components.schemas[name]?.properties?.detail?.default;

  expect(problems.profileNotFound().detail).toBe(text("V2ProfileNotFoundError"));
  expect(problems.sessionNotFound().detail).toBe(text("V2SessionNotFoundError"));
  expect(problems.taskNotFound().detail).toBe(text("V2TaskNotFoundError"));
  expect(problems.shareNotFound().detail).toBe(text("V2ShareNotFoundError"));
  expect(problems.outputFileNotFound().detail).toBe(text("V2OutputFileNotFoundError"));
  expect(problems.busy(400).detail).toBe(text("V2SessionHasRunningTaskError"));
  expect(problems.stopped(400).detail).toBe(text("V2SessionStoppedError"));
  expect(problems.tooManySessions().detail).toBe(text("V2TooManyConcurrentActiveSessionsError"));
  expect(problems.timeoutLimit().detail).toBe(text("V2SessionTimeoutLimitExceededError"));
});

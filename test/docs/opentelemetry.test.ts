import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

test("the OpenTelemetry example shows each call, retry and wait where it belongs, adds up the costs, and ends by itself", () => {
  const { BROWSER_USE_API_KEY: _, BROWSER_USE_BASE_URL: __, ...env } = process.env;
  const args = ["--import", "tsx", "examples/opentelemetry.ts"];
  const printed = execFileSync(process.execPath, args, { encoding: "utf8", env });
  const tree = printed.replace(/ {2}\d+ ms$/gm, "").replace(/ ×\d+$/gm, "");
  const ticket = (number: number) => new RegExp(`^ticket ${number}\n((?: .*\n)*)`, "m").exec(tree)?.[1]?.split("\n");
  expect(ticket(1)).toEqual(
    expect.arrayContaining([
      "  ! retry: POST /v3/sessions, 429",
      "  POST /v3/sessions  200",
      "  wait for a run  answered",
      "  POST /v3/sessions/{session_id}/stop  200",
    ]),
  );
  expect(ticket(2)).toEqual(
    expect.arrayContaining(["  ! retry: PATCH /v2/sessions/{session_id}, ECONNRESET", "  POST /v2/tasks  202"]),
  );
  expect(ticket(3)).toEqual(["  GET /v3/profiles/{profile_id}  404  not_found", ""]);
  for (const metric of [
    "browser_use.cost{v3} 0.028 USD",
    "browser_use.cost{v2} 0.014 USD",
    "browser_use.sessions.live{v3.session} 0 session",
    "browser_use.sessions.live{v2.session} 0 session",
  ]) {
    expect(printed.split("\n")).toContain(metric);
  }
});

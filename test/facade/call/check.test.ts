import { describe, expect, test } from "vitest";
import {
  checkCount,
  checkId,
  checkMs,
  hasControlOrLoneSurrogate,
  refuseUnknown,
} from "../../../src/facade/call/check.ts";
import { type CheckedBody, checkBody } from "../../../src/facade/check-body.ts";
import { InvalidInputError } from "../../../src/index.ts";

function complaintAbout(operation: CheckedBody, body: object): string | undefined {
  try {
    checkBody(operation, body);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidInputError);
    return (error as Error).message;
  }
  return undefined;
}

const task = { task: "Look" };
const proxy = { host: "proxy.test", port: 8080 };

describe("a body that is right", () => {
  test.each<[CheckedBody, object]>([
    ["POST /v2/tasks", task],
    ["POST /v2/tasks", { ...task, maxSteps: 1 }],
    ["POST /v2/tasks", { ...task, maxSteps: 10_000 }],
    ["POST /v2/tasks", { task: "x".repeat(50_000) }],
    ["POST /v2/tasks", { task: "🔑".repeat(50_000) }],
    ["POST /v2/tasks", { ...task, llm: "a-model-of-next-year" }],
    ["POST /v2/tasks", { ...task, judgeLlm: "a-model-of-next-year" }],
    ["POST /v2/tasks", { ...task, vision: true }],
    ["POST /v2/tasks", { ...task, vision: "auto" }],
    ["POST /v2/tasks", { ...task, metadata: null, secrets: null, startUrl: null }],
    ["POST /v2/tasks", { ...task, metadata: Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`k${i}`, "v"])) }],
    ["POST /v2/tasks", { ...task, maxSteps: undefined, unheardOf: undefined }],
    ["POST /v2/tasks", { ...task, sessionSettings: { proxyCountryCode: "xx" } }],
    ["POST /v2/sessions", {}],
    ["POST /v2/sessions", { proxyCountryCode: "xx", browserScreenWidth: 320, browserScreenHeight: 3456 }],
    ["POST /v2/sessions", { proxyCountryCode: null, customProxy: { ...proxy, password: null } }],
    ["POST /v2/sessions", { customProxy: { ...proxy, port: 65_535 } }],
    ["POST /v3/browsers", { timeout: 1 }],
    ["POST /v3/browsers", { timeout: 240 }],
    ["POST /v3/sessions", { task: "Look", model: "a-model-of-next-year", maxCostUsd: 1.5 }],
    ["POST /v3/sessions", { task: "Look", maxCostUsd: "1.50", outputSchema: { type: "object", any: { thing: [1] } } }],
    ["POST /v3/profiles", { name: "x".repeat(100) }],
  ])("%s takes %j", (operation, body) => {
    expect(complaintAbout(operation, body)).toBeUndefined();
    expect(checkBody(operation, body)).toBe(body);
  });
});

describe("a body that cannot be right is refused, by the name of the field and what it may be", () => {
  test.each<[CheckedBody, object, string]>([
    ["POST /v2/tasks", {}, "task is required (POST /v2/tasks)."],
    ["POST /v2/tasks", { task: undefined }, "task is required"],
    ["POST /v2/tasks", { task: "" }, "task must be 1 to 50000 characters long, not 0"],
    ["POST /v2/tasks", { task: "x".repeat(50_001) }, "task must be 1 to 50000 characters long, not 50001"],
    ["POST /v2/tasks", { task: 5 }, "task must be a string"],
    ["POST /v2/tasks", { task: null }, "task must be a string"],
    ["POST /v2/tasks", { ...task, maxSteps: 0 }, "maxSteps must be 1 to 10000, not 0"],
    ["POST /v2/tasks", { ...task, maxSteps: 10_001 }, "maxSteps must be 1 to 10000, not 10001"],
    ["POST /v2/tasks", { ...task, maxSteps: 1.5 }, "maxSteps must be an integer"],
    ["POST /v2/tasks", { ...task, maxSteps: Number.NaN }, "maxSteps must be an integer"],
    ["POST /v2/tasks", { ...task, maxSteps: Number.POSITIVE_INFINITY }, "maxSteps must be an integer"],
    ["POST /v2/tasks", { ...task, maxSteps: "5" }, "maxSteps must be an integer"],
    ["POST /v2/tasks", { ...task, llm: 5 }, "llm must be a string"],
    ["POST /v2/tasks", { ...task, vision: "always" }, "vision must be a boolean, or vision must be"],
    ["POST /v2/tasks", { ...task, sessionId: "" }, "sessionId must not be empty"],
    ["POST /v2/tasks", { ...task, metadata: { a: 1 } }, "metadata.a must be a string"],
    ["POST /v2/tasks", { ...task, metadata: [] }, "metadata must be an object or null"],
    ["POST /v2/tasks", { ...task, secrets: "text" }, "secrets must be an object or null"],
    ["POST /v2/tasks", { ...task, skillIds: [1] }, "skillIds[0] must be a string"],
    ["POST /v2/tasks", { ...task, allowedDomains: "x.test" }, "allowedDomains must be an array or null"],
    ["POST /v2/tasks", { ...task, maxStep: 5 }, "maxStep is not a known field"],
    ["POST /v2/tasks", { ...task, structuredOutputs: "{}" }, "structuredOutputs is not a known field"],
    ["POST /v2/tasks", { ...task, outputSchema: {} }, "outputSchema is not a known field: pass schema"],
    ["POST /v2/tasks", { ...task, sessionSettings: { width: 5 } }, "sessionSettings.width is not a known field"],
    ["POST /v2/tasks", { ...task, toString: "x" }, "toString is not a known field ("],
    ["POST /v2/tasks", JSON.parse('{"task":"Look","__proto__":{"a":1}}'), "__proto__ is not a known field ("],
    ["POST /v2/sessions", { browserScreenWidth: 319 }, "browserScreenWidth must be 320 to 6144, not 319"],
    ["POST /v2/sessions", { browserScreenHeight: 3457 }, "browserScreenHeight must be 320 to 3456, not 3457"],
    ["POST /v2/sessions", { customProxy: {} }, "customProxy.host is required"],
    ["POST /v2/sessions", { customProxy: { host: "h" } }, "customProxy.port is required"],
    ["POST /v2/sessions", { customProxy: { ...proxy, port: 0 } }, "customProxy.port must be 1 to 65535, not 0"],
    ["POST /v2/sessions", { customProxy: { ...proxy, port: "80" } }, "customProxy.port must be an integer"],
    [
      "POST /v2/sessions",
      { customProxy: { ...proxy, password: "" } },
      "customProxy.password must be 1 to 255 characters",
    ],
    ["POST /v2/sessions", { customProxy: { ...proxy, pass: "x" } }, "customProxy.pass is not a known field"],
    ["POST /v2/sessions", { keepAlive: "yes" }, "keepAlive must be a boolean"],
    ["POST /v3/browsers", { timeout: 0 }, "timeout must be 1 to 240, not 0"],
    ["POST /v3/browsers", { timeout: 241 }, "timeout must be 1 to 240, not 241"],
    ["POST /v3/profiles", { name: "x".repeat(101) }, "name must be at most 100 characters long, not 101"],
    ["POST /v3/profiles", { userId: "x".repeat(256) }, "userId must be at most 255 characters long, not 256"],
    ["POST /v3/profiles", [], "The request must be an object"],
  ])("%s refuses %j", (operation, body, message) => {
    expect(complaintAbout(operation, body)).toContain(message);
  });

  test("more than ten metadata entries are too many", () => {
    const metadata = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`k${index}`, "v"]));
    expect(complaintAbout("POST /v2/tasks", { ...task, metadata })).toContain("metadata must be at most 10 entries");
  });

  test("no message repeats a text that was given: it may be secret", () => {
    const secret = "hunter2-and-more";
    const bodies: [CheckedBody, object][] = [
      ["POST /v2/tasks", { ...task, vision: secret }],
      ["POST /v2/tasks", { ...task, maxSteps: secret }],
      ["POST /v2/tasks", { ...task, secrets: secret }],
      ["POST /v2/sessions", { customProxy: secret }],
      ["POST /v2/sessions", { customProxy: { ...proxy, password: `${secret}${"x".repeat(300)}` } }],
      ["POST /v3/sessions", { maxCostUsd: secret }],
      ["POST /v2/files/sessions/{session_id}/presigned-url", { fileName: "a", contentType: secret, sizeBytes: 1 }],
    ];
    for (const [operation, body] of bodies) {
      const message = complaintAbout(operation, body);
      expect({ body, message }).toEqual({ body, message: expect.any(String) });
      expect(message).not.toContain(secret);
    }
  });

  test("a list that does not grow is closed, and the message gives it", () => {
    const file = { fileName: "a.exe", contentType: "application/x-msdownload", sizeBytes: 1 };
    const message = complaintAbout("POST /v2/files/sessions/{session_id}/presigned-url", file);
    expect(message).toMatch(/^contentType must be one of .*application\/pdf/);
  });
});

describe("single values", () => {
  test.each([0, -5, 2 ** 31, Number.NaN, Number.POSITIVE_INFINITY, "5", null, {}])(
    "%s is no time in milliseconds",
    (value) => {
      expect(() => checkMs("timeoutMs", value as number, 1)).toThrow(
        "timeoutMs must be more than 0 and at most 2147483647 milliseconds.",
      );
    },
  );

  test("a time is taken as given, and its default when it is not", () => {
    expect([checkMs("t", 0.5, 1), checkMs("t", 2_147_483_647, 1), checkMs("t", undefined, 7)]).toEqual([
      0.5, 2_147_483_647, 7,
    ]);
  });

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "3", null])("%s is no count", (value) => {
    expect(() => checkCount("maxRetries", value as number, 1)).toThrow("maxRetries must be a whole number, 0 or more.");
  });

  test("a count is taken as given, and its default when it is not", () => {
    expect([checkCount("n", 0, 1), checkCount("n", 9, 1), checkCount("n", undefined, 7)]).toEqual([0, 9, 7]);
  });

  test("an id is given back as text", () => {
    expect([checkId("id", "a b"), checkId("id", 7)]).toEqual(["a b", "7"]);
  });

  test("no message of checkId repeats a text that was given", () => {
    expect(() => checkId("session id", "secret\n")).toThrow("session id has a character that no id has.");
  });

  test("control characters and half characters are found, whole ones are not", () => {
    for (const text of ["\u0000", "a\tb", "\u007f", "\u009f", "\ud83d", "\udd11", "\udd11\ud83d"])
      expect(hasControlOrLoneSurrogate(text)).toBe(true);
    for (const text of ["", "a b", "ü", "🔑", "密码", "\u00a0"]) expect(hasControlOrLoneSurrogate(text)).toBe(false);
  });

  test("options that nobody reads are refused by name; those that are undefined are not", () => {
    expect(() => refuseUnknown({ a: undefined }, "run")).not.toThrow();
    expect(() => refuseUnknown({ a: undefined, timeoutMS: 5 }, "run")).toThrow('run has no option "timeoutMS".');
    expect(() => refuseUnknown({ a: null }, "run")).toThrow(InvalidInputError);
  });
});

import { spawnSync } from "node:child_process";
import { afterEach, describe, expect, test } from "vitest";
import { difference, toDate, toNumber } from "../../../src/facade/call/wire.ts";

describe("instants", () => {
  const zone = process.env["TZ"];
  afterEach(() => {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  });

  const NOON = "2026-07-01T12:00:00.000Z";
  test.each([
    "2026-07-01T12:00:00",
    "2026-07-01T12:00:00.000000",
    "2026-07-01 12:00:00",
    "2026-07-01T12:00:00Z",
    "2026-07-01T12:00:00.000z",
    "2026-07-01T14:00:00+02:00",
    "2026-07-01T07:00:00.000-0500",
  ])("%s is the same instant in every time zone", (text) => {
    for (const TZ of ["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati", "Europe/Berlin"]) {
      process.env["TZ"] = TZ;
      expect({ TZ, date: toDate(text)?.toISOString() }).toEqual({ TZ, date: NOON });
    }
  });

  test("a time that the clocks skip, or have twice, in the process's zone is what the service meant", () => {
    process.env["TZ"] = "Europe/Berlin";
    expect(toDate("2026-03-29T02:30:00")?.toISOString()).toBe("2026-03-29T02:30:00.000Z");
    expect(toDate("2026-10-25T02:30:00")?.toISOString()).toBe("2026-10-25T02:30:00.000Z");
  });

  test("a process that was started in another zone reads the same instants", () => {
    const wire = new URL("../../../src/facade/call/wire.ts", import.meta.url).href;
    const code = `import("${wire}").then(({ toDate }) => console.log(toDate("2026-07-01T12:00:00").toISOString()))`;
    const env = { ...process.env, TZ: "America/New_York" };
    const { stdout } = spawnSync(process.execPath, ["--import", "tsx", "-e", code], { env, encoding: "utf8" });
    expect(stdout.trim()).toBe(NOON);
  });

  test("a date alone is its first moment in UTC", () => {
    process.env["TZ"] = "America/New_York";
    expect(toDate("2026-07-01")?.toISOString()).toBe("2026-07-01T00:00:00.000Z");
  });

  test.each([null, undefined, "", "soon", "2026-13-01T00:00:00", "Z", "2026-07-01T25:00:00"])(
    "%s is no instant",
    (text) => {
      expect(toDate(text)).toBeNull();
    },
  );
});

describe("money", () => {
  test.each([
    ["0.3", "0.1", 0.2],
    ["1.1", "1", 0.1],
    ["0.30000000", "0.1", 0.2],
    ["1000000.01", "1000000", 0.01],
    ["4.35", "4.35", 0],
    ["0", "0.05", -0.05],
    ["-1", "1", -2],
    ["+2", "1", 1],
    [".5", "0.25", 0.25],
    ["5.", "0", 5],
    ["007", "0", 7],
    ["0.000000000000000001", "0", 1e-18],
    ["123456789012345678901234567890.5", "123456789012345678901234567890", 0.5],
    ["0E-8", "0", 0],
    ["1E-7", "0", 1e-7],
    ["2.5e-3", "1E-3", 0.0015],
    ["1.5E+2", "0", 150],
  ])("%s − %s is exactly %d", (a, b, expected) => {
    expect(difference(a, b)).toBe(expected);
  });

  test("numbers would have been wrong", () => {
    expect(0.3 - 0.1).not.toBe(0.2);
    expect(difference("0.3", "0.1")).toBe(0.2);
  });

  test.each([
    null,
    undefined,
    "",
    ".",
    "-",
    "+.",
    "1,5",
    "$1",
    "1.2.3",
    "NaN",
    "Infinity",
    "0x10",
    " 1",
    "1e999",
    "e5",
    "9".repeat(10_000),
  ])("%s is no amount", (text) => {
    expect(toNumber(text)).toBeNull();
    expect(difference(text, "0")).toBeNull();
    expect(difference("0", text)).toBeNull();
  });

  test("what is nothing is zero, without a sign", () => {
    expect(Object.is(toNumber("0"), 0)).toBe(true);
    expect(Object.is(toNumber("-0.00"), 0)).toBe(true);
  });
});

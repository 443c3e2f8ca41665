import { beforeEach, describe, expect, test } from "vitest";
import { type Emulator, startEmulator } from "../../src/emulator/index.ts";
import { BrowserUse, type BrowserUseOptions, InvalidInputError, type RunResult, sumUsd } from "../../src/index.ts";
import { SessionPool } from "../../src/pool.ts";
import { rejection } from "../support/clients.ts";
import { Service } from "../support/service.ts";

describe("a sum of costs", () => {
  test.each<[string, readonly (number | string | null | undefined)[]]>([
    ["0", []],
    ["0", [null, undefined]],
    ["0.3", [0.1, 0.2]],
    ["0.3", ["0.1", 0.2, null]],
    ["1", Array.from({ length: 10 }, () => 0.1)],
    ["10", Array.from({ length: 1_000 }, () => "0.01")],
    ["0.0000001", ["0E-8", "1E-7"]],
    ["0.00000015", [1e-7, 5e-8]],
    ["100.5", ["1E+2", ".5"]],
    ["9007199254740993.1", [9007199254740992, "1.1"]],
    ["0", [0.1, "-0.1"]],
    ["-0.05", ["0.10", -0.15]],
    ["0", ["-0", -0]],
    ["3000000000000000000000", [1e21, 2e21]],
    ["0.00000000000000000000000000000000000000001", ["1e-41"]],
    ["1.00000000000000000000000000000000000001", ["1", "0.00000000000000000000000000000000000001"]],
    [`0.${"0".repeat(138)}1`, [`.${"0".repeat(39)}1e-99`]],
  ])("is exactly %s", (sum, costs) => {
    expect(sumUsd(costs)).toBe(sum);
  });

  test("can be added up again, and in any order", () => {
    const costs = Array.from({ length: 500 }, (_, index) => index / 1_000);
    const parts = [sumUsd(costs.slice(0, 17)), sumUsd(costs.slice(17))];
    expect(sumUsd(parts)).toBe("124.75");
    expect(sumUsd(new Set(costs.reverse()))).toBe("124.75");
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, "abc", "", " 1", "1,5", "$1", {}, true])(
    "refuses what is no amount: %s",
    (cost) => {
      expect(() => sumUsd([0.1, cost as number])).toThrow(InvalidInputError);
    },
  );
});

describe("on the emulator", () => {
  let emulator: Emulator;

  beforeEach(async () => {
    const onTask = async ({ task, step }: { task: string; step(step: { summary: string }): Promise<void> }) => {
      for (let number = 1; number <= Number(task); number++) await step({ summary: `Step ${number}` });
      return "done";
    };
    emulator = await startEmulator({ onTask });
    return () => emulator.close();
  });

  const clientOf = (options: BrowserUseOptions = {}) =>
    new BrowserUse({ baseUrl: emulator.url, apiKey: emulator.apiKey, ...options });
  const dispatches = () => emulator.requests.filter(({ method, path }) => method === "POST" && !path.endsWith("/stop"));

  test("what the runs of a v3 session have cost adds up to what the session has, which is kept as it came", async () => {
    await using session = await clientOf().v3.sessions.open();
    const results: RunResult[] = [];
    for (const task of ["1", "2", "7"]) results.push(await session.run(task));
    expect(results.map(({ costUsd }) => costUsd)).toEqual([0.012, 0.014, 0.024]);
    expect(results.map(({ raw }) => (raw as { totalCostUsd: string }).totalCostUsd)).toEqual([
      "0.012",
      "0.026",
      "0.05",
    ]);
    expect(sumUsd(results.map(({ costUsd }) => costUsd))).toBe((await session.refresh()).totalCostUsd);
  });

  test("a task of v2 has its own cost, which is kept as it came", async () => {
    await using session = await clientOf().v2.sessions.open();
    const results = [await session.run("1"), await session.run("7")];
    expect(results.map(({ costUsd }) => costUsd)).toEqual([0.012, 0.024]);
    expect(results.map(({ raw }) => (raw as { cost: string }).cost)).toEqual(["0.012", "0.024"]);
    expect(sumUsd(results.map(({ costUsd }) => costUsd))).toBe("0.036");
  });

  describe("a client that requires a limit", () => {
    const strict = (options: BrowserUseOptions = {}) => clientOf({ requireMaxCostUsd: true, ...options });

    test("sends no task of v3 without one, on whatever way", async () => {
      const browserUse = strict();
      await using session = await browserUse.v3.sessions.open();
      const pool = new SessionPool(browserUse.v3.sessions, { maxSessions: 2 });
      await using lease = await pool.acquire({ group: "all" });
      const before = dispatches();
      const tasks = [
        () => session.run("1"),
        () => session.start("1"),
        () => session.run("1", { maxCostUsd: null }),
        () => lease.session.run("1"),
        () => browserUse.v3.run("1"),
        () => browserUse.v3.sessions.attach(session.id).start("1"),
      ];
      for (const task of tasks) expect(await rejection(task())).toBeInstanceOf(InvalidInputError);
      expect(dispatches()).toEqual(before);
      expect(await rejection(browserUse.v3.run("1"))).toMatchObject({
        message: "This task has no maxCostUsd, and its client was made with requireMaxCostUsd.",
      });
      await lease.release();
      await pool.close();
    });

    test.each<[string, BrowserUseOptions, object, object]>([
      ["from the client", { maxCostUsd: "0.5" }, {}, {}],
      ["from the opening", {}, { maxCostUsd: 0.5 }, {}],
      ["of its own", {}, {}, { maxCostUsd: "0.50" }],
    ])("sends one whose limit is %s", async (_, options, opening, own) => {
      const browserUse = strict(options);
      await using session = await browserUse.v3.sessions.open(opening);
      expect((await session.run("1", own)).raw).toMatchObject({ maxCostUsd: "0.5" });
    });

    test("lets null take the client's limit away only where none is required", async () => {
      const none = { maxCostUsd: null };
      expect((await clientOf({ maxCostUsd: 1 }).v3.run("1", none)).raw).toMatchObject(none);
      expect(await rejection(strict({ maxCostUsd: 1 }).v3.run("1", none))).toBeInstanceOf(InvalidInputError);
    });

    test("sends no task of v2, which knows no limit, without a bound on its steps", async () => {
      const browserUse = strict({ maxCostUsd: 1 });
      await using session = await browserUse.v2.sessions.open();
      const before = dispatches();
      for (const task of [() => session.run("1"), () => session.start("1"), () => browserUse.v2.run("1")]) {
        expect(await rejection(task())).toMatchObject({
          code: "invalid_input",
          message: expect.stringContaining("maxSteps"),
        });
      }
      expect(dispatches()).toEqual(before);
      expect((await session.run("1", { maxSteps: 3 })).status).toBe("finished");
      expect((await browserUse.v2.run("1", { maxSteps: 3 })).status).toBe("finished");
    });
  });
});

describe("a client's cost limit", () => {
  test.each([0.01, 5, "5", "0.50", "005", ".5", 1e-7])("may be %j", async (maxCostUsd) => {
    const service = new Service();
    service.client({ maxCostUsd });
  });

  test.each([
    0,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    "0",
    "-1",
    "abc",
    "",
    " ",
    "1,5",
    "0x10",
    "1e-3",
    "NaN",
    true,
    [5],
    {},
  ])("is checked when the client is made: %j is refused", (maxCostUsd) => {
    expect(() => new Service().client({ maxCostUsd: maxCostUsd as number })).toThrow(InvalidInputError);
  });

  test.each(["yes", 1, null])("cannot be required by %j", (requireMaxCostUsd) => {
    const options = { requireMaxCostUsd } as unknown as BrowserUseOptions;
    expect(() => new Service().client(options)).toThrow(InvalidInputError);
  });
});

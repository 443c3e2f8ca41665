import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { FORM_ROWS } from "./form-rows.ts";
import { emulatorFront, type Front, gatewayFront } from "./fronts.ts";
import { GET_ROWS, PUT_ROWS } from "./link-rows.ts";
import { send } from "./wire.ts";

// The emulator is as strict as a store that nobody here wrote: the same request, to both of them.

let gateway: Front;
let emulator: Front;

describe.skipIf(inject("gateway") === null).each([
  ["A form", FORM_ROWS],
  ["A request by a link for PUT", PUT_ROWS],
  ["A request by a link for GET", GET_ROWS],
])("%s", (_, rows) => {
  beforeAll(async () => {
    gateway = gatewayFront();
    emulator = await emulatorFront();
  });
  afterAll(() => emulator?.close());

  test.each(rows)("$title: the gateway says $gateway, the emulator $emulator", async (row) => {
    expect(await send(await row.request(gateway))).toBe(row.gateway);
    expect(await send(await row.request(emulator))).toBe(row.emulator);
  });

  test("Where the two of them differ in status, the table says why, and nowhere else", () => {
    const unexplained = rows.filter(
      (row) => (row.gateway.slice(0, 3) === row.emulator.slice(0, 3)) !== (row.because === undefined),
    );
    expect(unexplained).toEqual([]);
  });
});

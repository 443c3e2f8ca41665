import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test, vi } from "vitest";
import { createTransport } from "../../../src/facade/call/transport.ts";
import { browserUseService } from "../../../src/facade/service.ts";
import { clientOf, rejection } from "../../support/clients.ts";
import { type Act, silence, stallInBody, startFaultServer } from "../../support/fault-server.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    collect();
  }
}

/** An act, and whether the connection that it was played on was closed. */
function watched(act: Act) {
  const closed = vi.fn();
  return { closed, act: ((socket, request) => act(socket.on("close", closed), request)) as Act };
}

test.each([
  ["before the answer", silence],
  ["in the middle of the answer", stallInBody],
])("A call that is given up %s ends its request, also when the garbage was collected meanwhile", async (_, act) => {
  const { closed, act: own } = watched(act);
  const server = await startFaultServer(own);
  const control = new AbortController();
  const call = rejection(clientOf(server).api.GET("/v3/billing/account", { signal: control.signal }));
  await vi.waitFor(() => expect(server.requests).toHaveLength(1));
  await collectGarbage();
  control.abort("left");
  expect(await call).toBe("left");
  await vi.waitFor(() => expect(closed).toHaveBeenCalled());
});

test("A file that is given up before the answer ends its request, also when the garbage was collected meanwhile", async () => {
  const { closed, act } = watched(silence);
  const server = await startFaultServer(act);
  const control = new AbortController();
  const { receive } = createTransport(browserUseService, { apiKey: "bu_key", baseUrl: server.url });
  const request = { method: "GET", url: `${server.origin}/a`, headers: new Headers(), redirect: "manual" } as const;
  const answer = rejection(receive(request, control.signal));
  await vi.waitFor(() => expect(server.requests).toHaveLength(1));
  await collectGarbage();
  control.abort("left");
  expect(await answer).toBe("left");
  await vi.waitFor(() => expect(closed).toHaveBeenCalled());
});

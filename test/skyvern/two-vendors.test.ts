import { describe, expect, onTestFinished, test } from "vitest";
import { createEmulator, createSkyvernEmulator } from "../../src/emulator/index.ts";
import { BrowserUse } from "../../src/index.ts";
import { memoryLeaseStore, SessionPool } from "../../src/pool.ts";
import { Skyvern } from "../../src/skyvern.ts";
import { API_KEY, rejection } from "../support/clients.ts";
import { type FaultServer, json, reply, startFaultServer } from "../support/fault-server.ts";
import { v2Session } from "../support/views.ts";
import { KEY } from "./support.ts";
import { session, taskRun } from "./views.ts";

function clients(ours: FaultServer, theirs: FaultServer) {
  return {
    browserUse: new BrowserUse({ apiKey: API_KEY, baseUrl: ours.url, maxRetries: 0 }),
    skyvern: new Skyvern({ apiKey: KEY, baseUrl: theirs.origin, maxRetries: 0 }),
  };
}

/** All that came over the wire, in every form. */
function all({ requests }: FaultServer): string {
  return JSON.stringify(requests);
}

describe("with both clients in one process", () => {
  test("each key goes to its own service, under its own name, and to no other", async () => {
    const ours = await startFaultServer(json(v2Session()));
    const theirs = await startFaultServer(json(session()), json(session()), json(taskRun()));
    const { browserUse, skyvern } = clients(ours, theirs);
    await Promise.all([browserUse.v2.sessions.open(), skyvern.sessions.open()]);
    await skyvern.runTask({ prompt: "Go", browser_session_id: "pbs_1" });
    expect(ours.requests.map(({ headers }) => headers["x-browser-use-api-key"])).toEqual([API_KEY]);
    expect(theirs.requests.map(({ headers }) => headers["x-api-key"])).toEqual([KEY, KEY, KEY]);
    expect(all(ours)).not.toContain(KEY);
    expect(all(theirs)).not.toContain(API_KEY);
    expect(theirs.requests[0]?.headers).not.toHaveProperty("x-browser-use-api-key");
    expect(ours.requests[0]?.headers).not.toHaveProperty("x-api-key");
  });

  test.each([301, 302, 307, 308])(
    "a redirect from one to the other with %i is not followed, and is an error",
    async (status) => {
      const theirs = await startFaultServer(json(session()));
      const redirect = reply({ status, headers: { Location: `${theirs.origin}/v1/browser_sessions/pbs_1` } });
      const ours = await startFaultServer(redirect);
      const { browserUse } = clients(ours, theirs);
      expect(String(await rejection(browserUse.v2.sessions.attach("pbs_1").refresh()))).toContain("redirect");
      expect(theirs.requests).toEqual([]);

      const back = reply({ status, headers: { Location: `${ours.origin}/api/v2/sessions/s1` } });
      const redirecting = await startFaultServer(back);
      const { skyvern } = clients(ours, redirecting);
      expect(String(await rejection(skyvern.sessions.attach("pbs_1").refresh()))).toContain("redirect");
      expect(String(await rejection(skyvern.files.upload({ name: "a.txt", data: new Uint8Array(9) })))).toContain(
        "redirect",
      );
      expect(ours.requests).toHaveLength(1);
    },
  );

  test("what middleware sends elsewhere goes without the key", async () => {
    const ours = await startFaultServer(json(session()));
    const theirs = await startFaultServer(json(session()));
    const { skyvern } = clients(ours, theirs);
    skyvern.api.use({ onRequest: ({ request }) => new Request(`${ours.origin}/stolen`, request) });
    await skyvern.sessions.attach("pbs_1").refresh();
    await skyvern.files.upload({ name: "a.txt", data: new Uint8Array(9) }).catch(() => {});
    expect(ours.requests).toHaveLength(2);
    expect(all(ours)).not.toContain(KEY);
  });

  test("one's variables of the environment are not the other's", () => {
    const { BROWSER_USE_API_KEY, SKYVERN_API_KEY } = process.env;
    try {
      process.env["BROWSER_USE_API_KEY"] = API_KEY;
      delete process.env["SKYVERN_API_KEY"];
      expect(() => new Skyvern()).toThrow("SKYVERN_API_KEY");
    } finally {
      for (const [name, value] of Object.entries({ BROWSER_USE_API_KEY, SKYVERN_API_KEY })) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });
});

test("Pools of both vendors on one store count apart, also when their projects have one name", async () => {
  const [ours, theirs] = [createEmulator(), createSkyvernEmulator()];
  onTestFinished(() => Promise.all([ours.close(), theirs.close()]).then(() => {}));
  const browserUse = new BrowserUse({ apiKey: ours.apiKey, baseUrl: ours.url, fetch: ours.fetch });
  const skyvern = new Skyvern({ apiKey: theirs.apiKey, baseUrl: theirs.url, fetch: theirs.fetch });
  const options = { store: memoryLeaseStore(), project: "p", maxSessions: 1 };
  const [first, second] = [new SessionPool(browserUse.browsers, options), new SessionPool(skyvern.sessions, options)];

  const leases = await Promise.all([first.acquire({}), second.acquire({})]);
  expect(leases.map(({ session }) => session.id)).toEqual([expect.any(String), expect.stringMatching(/^pbs_/)]);
  expect(await rejection(second.acquire({}, { waitTimeoutMs: 500 }))).toMatchObject({
    code: "pool_timeout",
    reason: "cap",
  });
  for (const lease of leases) await lease.release();
  await Promise.all([first.close(), second.close()]);
});

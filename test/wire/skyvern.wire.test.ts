import nock from "nock";
import { expect, test } from "vitest";
import { Skyvern, type SkyvernOptions } from "../../src/skyvern.ts";
import { closed, profile, session, taskRun } from "../skyvern/views.ts";
import { KEY, Wire, type WireRequest } from "../support/wire.ts";

const BASE = "https://api.skyvern.com";
const SESSION = "/v1/browser_sessions/pbs_1";
const LIVE = session();
const ENDED = closed();
const RUN = taskRun();
const STARTED = taskRun({ status: "created", output: null });

const LOOK: WireRequest = { operation: `GET ${SESSION}` };
const CLOSE: WireRequest = { operation: `POST ${SESSION}/close` };
const GET_RUN: WireRequest = { operation: "GET /v1/runs/tsk_1" };
const CANCEL: WireRequest = { operation: "POST /v1/runs/tsk_1/cancel" };
const dispatch = (body: object): WireRequest => ({ operation: "POST /v1/run/tasks", body });

type Exchange = readonly [request: WireRequest, reply: object | undefined, status?: number];

interface Method {
  readonly title: string;
  readonly call: (skyvern: Skyvern) => unknown;
  readonly exchanges: readonly Exchange[];
}

const PROFILE = { path: "/v1/browser_profiles/bp_1", view: profile() };
const REFERENCE = { apiVersion: "skyvern", id: "tsk_1" } as const;

const methods: readonly Method[] = [
  {
    title: "sessions.open",
    call: ({ sessions }) => sessions.open({ timeout: 60, browser_profile_id: "bp_1", url: "https://app.test" }),
    exchanges: [
      [
        {
          operation: "POST /v1/browser_sessions",
          body: { timeout: 60, browser_profile_id: "bp_1", url: "https://app.test" },
        },
        LIVE,
      ],
    ],
  },
  {
    title: "sessions.open without anything",
    call: ({ sessions }) => sessions.open(),
    exchanges: [[{ operation: "POST /v1/browser_sessions", body: {} }, LIVE]],
  },
  {
    title: "sessions.use",
    call: ({ sessions }) => sessions.use({}, () => 1),
    exchanges: [
      [{ operation: "POST /v1/browser_sessions", body: {} }, LIVE],
      [CLOSE, { message: "closed" }],
      [LOOK, ENDED],
    ],
  },
  {
    title: "sessions.list",
    call: ({ sessions }) => sessions.list().next(),
    exchanges: [[{ operation: "GET /v1/browser_sessions" }, [LIVE]]],
  },
  { title: "session.refresh", call: ({ sessions }) => sessions.attach("pbs_1").refresh(), exchanges: [[LOOK, LIVE]] },
  {
    title: "session.browserAddress",
    call: ({ sessions }) => sessions.attach("pbs_1").browserAddress(),
    exchanges: [[LOOK, LIVE]],
  },
  {
    title: "session.stop",
    call: ({ sessions }) => sessions.attach("pbs_1").stop(),
    exchanges: [
      [CLOSE, { message: "closed" }],
      [LOOK, ENDED],
    ],
  },
  {
    title: "session.start",
    call: ({ sessions }) => sessions.attach("pbs_1").start("Go", { url: "https://app.test", max_steps: 3 }),
    exchanges: [
      [LOOK, LIVE],
      [dispatch({ url: "https://app.test", max_steps: 3, prompt: "Go", browser_session_id: "pbs_1" }), STARTED],
    ],
  },
  {
    title: "session.run",
    call: ({ sessions }) => sessions.attach("pbs_1").run("Go", { engine: "skyvern-2.0", waitTimeoutMs: 9_000 }),
    exchanges: [
      [LOOK, LIVE],
      [dispatch({ engine: "skyvern-2.0", prompt: "Go", browser_session_id: "pbs_1" }), STARTED],
      [GET_RUN, RUN],
    ],
  },
  {
    title: "runTask",
    call: (skyvern) => skyvern.runTask({ prompt: "Go", data_extraction_schema: { type: "object" } }),
    exchanges: [[dispatch({ prompt: "Go", data_extraction_schema: { type: "object" } }), STARTED]],
  },
  {
    title: "runTask with waiting",
    call: (skyvern) => skyvern.runTask({ prompt: "Go" }, { waitForCompletion: true, waitTimeoutMs: 9_000 }),
    exchanges: [
      [dispatch({ prompt: "Go" }), STARTED],
      [GET_RUN, RUN],
    ],
  },
  {
    title: "runTask in a session",
    call: (skyvern) => skyvern.runTask({ prompt: "Go", browser_session_id: "pbs_1" }),
    exchanges: [
      [LOOK, LIVE],
      [dispatch({ prompt: "Go", browser_session_id: "pbs_1" }), STARTED],
    ],
  },
  { title: "run.result", call: (skyvern) => skyvern.resume(REFERENCE).result(), exchanges: [[GET_RUN, RUN]] },
  { title: "run.hasEnded", call: (skyvern) => skyvern.resume(REFERENCE).hasEnded(), exchanges: [[GET_RUN, STARTED]] },
  {
    title: "run.stop",
    call: (skyvern) => skyvern.resume(REFERENCE).stop(),
    exchanges: [
      [GET_RUN, STARTED],
      [CANCEL, undefined],
    ],
  },
  {
    title: "profiles.create",
    call: ({ profiles }) => profiles.create({ name: "acme", browser_session_id: "pbs_1" }),
    exchanges: [
      [{ operation: "POST /v1/browser_profiles", body: { name: "acme", browser_session_id: "pbs_1" } }, PROFILE.view],
    ],
  },
  {
    title: "profiles.get",
    call: ({ profiles }) => profiles.get("bp_1"),
    exchanges: [[{ operation: `GET ${PROFILE.path}` }, PROFILE.view]],
  },
  {
    title: "profiles.list",
    call: ({ profiles }) => profiles.list({ search_key: "ac" }).next(),
    exchanges: [
      [
        { operation: "GET /v1/browser_profiles", query: { search_key: "ac", page: "1", page_size: "100" } },
        [PROFILE.view],
      ],
    ],
  },
  {
    title: "profiles.update",
    call: ({ profiles }) => profiles.update("bp_1", { description: null }),
    exchanges: [[{ operation: `PATCH ${PROFILE.path}`, body: { description: null } }, PROFILE.view]],
  },
  {
    title: "profiles.delete",
    call: ({ profiles }) => profiles.delete("bp_1"),
    exchanges: [[{ operation: `DELETE ${PROFILE.path}` }, undefined, 204]],
  },
];

function clientOf(options: SkyvernOptions = {}): Skyvern {
  return new Skyvern({ apiKey: KEY, baseUrl: BASE, maxRetries: 0, ...options });
}

test.each(methods)("$title asks for exactly this", async ({ call, exchanges }) => {
  const wire = new Wire(BASE);
  for (const [request, reply, status] of exchanges) wire.on(request.operation, reply, status);
  await call(clientOf());
  expect(wire.sent).toEqual(exchanges.map(([request]) => request));
  for (const headers of wire.headers) expect(headers).toMatchObject({ "x-api-key": KEY });
});

test("A client goes to Skyvern's own address when nothing else is said", async () => {
  const wire = new Wire(BASE).on(`GET ${SESSION}`, LIVE);
  await new Skyvern({ apiKey: KEY }).sessions.attach("pbs_1").refresh();
  expect(wire.sent).toEqual([LOOK]);
});

test("A request carries the key, the client's headers, the type of its body, and nothing that identifies more", async () => {
  const wire = new Wire(BASE).on("POST /v1/browser_sessions", LIVE).on(`GET ${SESSION}`, LIVE);
  const { sessions } = clientOf({ headers: { "X-Team": "support" } });
  await sessions.open();
  await sessions.attach("pbs_1").refresh();
  const own = wire.headers.map((headers) =>
    Object.keys(headers).filter((name) => !["host", "x-api-key", "x-team"].includes(name)),
  );
  expect(own).toEqual([["content-type"], []]);
});

test("An upload is one form with the key: the days first, then the file under its name", async () => {
  let posted: { headers: Record<string, string>; body: string } | undefined;
  const stored = { s3_uri: "s3://b/1", presigned_url: "https://files.test/1" };
  nock(BASE)
    .post("/v1/upload_file")
    .reply(function (_, body) {
      posted = { headers: this.req.headers, body: String(body) };
      return [200, stored];
    });
  const data = new TextEncoder().encode("a,b\n");
  expect(await clientOf().files.upload({ name: "data.csv", data }, { retention_days: 7 })).toEqual(stored);
  expect(Object.keys(posted?.headers ?? {}).sort()).toEqual(["content-type", "host", "x-api-key"]);
  const boundary = /^multipart\/form-data; boundary=(.+)$/.exec(posted?.headers["content-type"] ?? "")?.[1];
  const part = (head: string, text: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${text}\r\n`;
  const days = part('name="retention_days"', "7");
  const file = part('name="file"; filename="data.csv"\r\nContent-Type: text/csv', "a,b\n");
  expect(posted?.body.replace(/--\r\n$/, "--")).toBe(`${days}${file}--${boundary}--`);
});

import nock from "nock";
import { expect, test } from "vitest";
import { z } from "zod";
import type { BrowserUse } from "../../src/index.ts";
import { browser, profile, v2Session, v2Step, v2Task, v3View } from "../support/views.ts";
import { KEY, Wire, type WireRequest } from "../support/wire.ts";

const ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
const PROFILE = "7b1d7a4e-0000-4000-8000-000000000001";

const V2_LIVE = v2Session({ id: ID });
const V2_STOPPED = v2Session({ id: ID, status: "stopped" });
const V3_LIVE = v3View({ id: ID });
const V3_RUNNING = v3View({ id: ID, status: "running", stepCount: 1 });
const V3_ANSWERED = v3View({ id: ID, stepCount: 2, output: { total: 42 } });
const V3_STOPPED = v3View({ id: ID, status: "stopped", stepCount: 2, output: { total: 42 } });
const TASK = { id: "t1", sessionId: ID };
const NO_MESSAGES = { messages: [], hasMore: false };
const Total = z.object({ total: z.number() });
const TOTAL_SCHEMA = Total["~standard"].jsonSchema.input({ target: "draft-2020-12" });

const get = (operation: string, query?: Record<string, string>): WireRequest => ({
  operation: `GET ${operation}`,
  ...(query && { query }),
});
const V2_STATUS = get("/v2/tasks/t1/status");
const V2_TASK = get("/v2/tasks/t1");
const V3_VIEW = get(`/v3/sessions/${ID}`);
const V3_MESSAGES = get(`/v3/sessions/${ID}/messages`, { limit: "100" });
const V2_STOP = { operation: `PATCH /v2/sessions/${ID}`, body: { action: "stop" } };
const V3_STOP = { operation: `POST /v3/sessions/${ID}/stop`, body: { strategy: "session" } };
const V3_STOP_TASK = { operation: `POST /v3/sessions/${ID}/stop`, body: { strategy: "task" } };
const BROWSER_STOP = { operation: `PATCH /v3/browsers/${ID}`, body: { action: "stop" } };

type Exchange = readonly [request: WireRequest, reply: object | undefined, status?: number];

interface Method {
  readonly title: string;
  readonly call: (client: BrowserUse) => unknown;
  readonly exchanges: readonly Exchange[];
}

const V3_RUN: readonly Exchange[] = [
  [V3_VIEW, V3_LIVE],
  [V3_MESSAGES, NO_MESSAGES],
  [{ operation: "POST /v3/sessions", body: { task: "Go", sessionId: ID, keepAlive: true } }, V3_RUNNING, 201],
];

const methods: readonly Method[] = [
  {
    title: "v2.sessions.open",
    call: ({ v2 }) => v2.sessions.open({ profileId: PROFILE, startUrl: "https://app.test" }),
    exchanges: [
      [{ operation: "POST /v2/sessions", body: { profileId: PROFILE, startUrl: "https://app.test" } }, V2_LIVE, 201],
    ],
  },
  {
    title: "v2.sessions.open without anything",
    call: ({ v2 }) => v2.sessions.open(),
    exchanges: [[{ operation: "POST /v2/sessions", body: {} }, V2_LIVE, 201]],
  },
  {
    title: "v2.sessions.use",
    call: ({ v2 }) => v2.sessions.use({}, () => 1),
    exchanges: [
      [{ operation: "POST /v2/sessions", body: {} }, V2_LIVE, 201],
      [V2_STOP, V2_STOPPED],
    ],
  },
  {
    title: "v2.sessions.list",
    call: ({ v2 }) => v2.sessions.list({ filterBy: "active" }).next(),
    exchanges: [
      [get("/v2/sessions", { pageNumber: "1", pageSize: "100", filterBy: "active" }), { items: [], totalItems: 0 }],
    ],
  },
  {
    title: "v2 session.refresh",
    call: ({ v2 }) => v2.sessions.attach(ID).refresh(),
    exchanges: [[get(`/v2/sessions/${ID}`), V2_LIVE]],
  },
  { title: "v2 session.stop", call: ({ v2 }) => v2.sessions.attach(ID).stop(), exchanges: [[V2_STOP, V2_STOPPED]] },
  {
    title: "v2 session.start",
    call: ({ v2 }) => v2.sessions.attach(ID).start("Go", { maxSteps: 5 }),
    exchanges: [[{ operation: "POST /v2/tasks", body: { task: "Go", sessionId: ID, maxSteps: 5 } }, TASK, 202]],
  },
  {
    title: "v2 session.run",
    call: ({ v2 }) => v2.sessions.attach(ID).run("Go", { schema: Total }),
    exchanges: [
      [
        {
          operation: "POST /v2/tasks",
          body: { task: "Go", sessionId: ID, structuredOutput: JSON.stringify(TOTAL_SCHEMA) },
        },
        TASK,
        202,
      ],
      [V2_STATUS, { id: "t1", status: "finished" }],
      [V2_TASK, v2Task({ output: '{"total":42}' })],
    ],
  },
  {
    title: "v2 session.run with onStep",
    call: ({ v2 }) => v2.sessions.attach(ID).run("Go", { onStep: () => {} }),
    exchanges: [
      [{ operation: "POST /v2/tasks", body: { task: "Go", sessionId: ID } }, TASK, 202],
      [V2_TASK, v2Task({ steps: [v2Step(1)] })],
    ],
  },
  {
    title: "run.stop on v2",
    call: ({ resume }) => resume({ apiVersion: "v2", id: "t1", sessionId: ID }).stop(),
    exchanges: [
      [V2_STATUS, { id: "t1", status: "started" }],
      [{ operation: "PATCH /v2/tasks/t1", body: { action: "stop" } }, v2Task({ status: "stopped" })],
    ],
  },
  {
    title: "v2.run, which always says the proxy's country",
    call: ({ v2 }) => v2.run("Go", { llm: "gemini-2.5-flash" }),
    exchanges: [
      [
        {
          operation: "POST /v2/tasks",
          body: { task: "Go", llm: "gemini-2.5-flash", sessionSettings: { proxyCountryCode: "us" } },
        },
        TASK,
        202,
      ],
      [V2_STATUS, { id: "t1", status: "finished" }],
      [V2_TASK, v2Task()],
      [V2_STOP, V2_STOPPED],
    ],
  },
  {
    title: "v2.run with settings of its session",
    call: ({ v2 }) =>
      v2.run("Go", {
        profileId: PROFILE,
        proxyCountryCode: null,
        browserScreenWidth: 1280,
        browserScreenHeight: 800,
        enableRecording: true,
        schema: Total,
      }),
    exchanges: [
      [
        {
          operation: "POST /v2/tasks",
          body: {
            task: "Go",
            structuredOutput: JSON.stringify(TOTAL_SCHEMA),
            sessionSettings: {
              profileId: PROFILE,
              proxyCountryCode: null,
              browserScreenWidth: 1280,
              browserScreenHeight: 800,
              enableRecording: true,
            },
          },
        },
        TASK,
        202,
      ],
      [V2_STATUS, { id: "t1", status: "finished" }],
      [V2_TASK, v2Task({ output: '{"total":42}' })],
      [V2_STOP, V2_STOPPED],
    ],
  },
  {
    title: "v3.sessions.open",
    call: ({ v3 }) => v3.sessions.open({ profileId: PROFILE, model: "bu-mini" }),
    exchanges: [
      [
        { operation: "POST /v3/sessions", body: { profileId: PROFILE, model: "bu-mini", keepAlive: true } },
        V3_LIVE,
        201,
      ],
    ],
  },
  {
    title: "v3.sessions.use",
    call: ({ v3 }) => v3.sessions.use({}, () => 1),
    exchanges: [
      [{ operation: "POST /v3/sessions", body: { keepAlive: true } }, V3_LIVE, 201],
      [V3_STOP, V3_STOPPED],
    ],
  },
  {
    title: "v3.sessions.list",
    call: ({ v3 }) => v3.sessions.list().next(),
    exchanges: [[get("/v3/sessions", { page: "1", page_size: "100" }), { sessions: [], total: 0 }]],
  },
  { title: "v3 session.refresh", call: ({ v3 }) => v3.sessions.attach(ID).refresh(), exchanges: [[V3_VIEW, V3_LIVE]] },
  { title: "v3 session.stop", call: ({ v3 }) => v3.sessions.attach(ID).stop(), exchanges: [[V3_STOP, V3_STOPPED]] },
  { title: "v3 session.start", call: ({ v3 }) => v3.sessions.attach(ID).start("Go"), exchanges: V3_RUN },
  {
    title: "v3 session.start on a session of one's own, with the fields of its opening",
    call: async ({ v3 }) => {
      const session = await v3.sessions.open({ profileId: PROFILE, model: "bu-mini", maxCostUsd: 1 });
      await session.start("Go", { maxCostUsd: 2, schema: Total });
    },
    exchanges: [
      [
        {
          operation: "POST /v3/sessions",
          body: { profileId: PROFILE, model: "bu-mini", maxCostUsd: 1, keepAlive: true },
        },
        V3_LIVE,
        201,
      ],
      [V3_VIEW, V3_LIVE],
      [
        {
          operation: "POST /v3/sessions",
          body: {
            task: "Go",
            sessionId: ID,
            keepAlive: true,
            model: "bu-mini",
            maxCostUsd: 2,
            outputSchema: TOTAL_SCHEMA,
          },
        },
        V3_RUNNING,
        201,
      ],
    ],
  },
  {
    title: "v3 session.run",
    call: ({ v3 }) => v3.sessions.attach(ID).run("Go"),
    exchanges: [...V3_RUN, [V3_VIEW, V3_ANSWERED], [V3_MESSAGES, NO_MESSAGES]],
  },
  {
    title: "run.stop on v3",
    call: ({ resume }) => {
      const baseline = { messageId: "m1", stepCount: 0, totalCostUsd: "0" };
      return resume({ apiVersion: "v3", id: ID, sessionId: ID, baseline }).stop();
    },
    exchanges: [
      [V3_VIEW, V3_RUNNING],
      [get(`/v3/sessions/${ID}/messages`, { limit: "100", after: "m1" }), NO_MESSAGES],
      [V3_STOP_TASK, V3_LIVE],
    ],
  },
  {
    title: "v3.run",
    call: ({ v3 }) => v3.run("Go", { schema: Total, proxyCountryCode: null, agentmail: false }),
    exchanges: [
      [
        {
          operation: "POST /v3/sessions",
          body: { task: "Go", keepAlive: false, proxyCountryCode: null, agentmail: false, outputSchema: TOTAL_SCHEMA },
        },
        v3View({ id: ID, status: "created" }),
        201,
      ],
      [V3_VIEW, V3_STOPPED],
      [V3_MESSAGES, NO_MESSAGES],
      [V3_STOP, V3_STOPPED],
    ],
  },
  {
    title: "profiles.ensure",
    call: ({ profiles }) => profiles.ensure({ name: "acme", userId: "u1" }),
    exchanges: [
      [get("/v3/profiles", { pageNumber: "1", pageSize: "100", query: "u1" }), { items: [], totalItems: 0 }],
      [{ operation: "POST /v3/profiles", body: { name: "acme", userId: "u1" } }, profile(PROFILE), 201],
      [get("/v3/profiles", { pageNumber: "1", pageSize: "100", query: "u1" }), { items: [], totalItems: 0 }],
    ],
  },
  {
    title: "profiles.create",
    call: ({ profiles }) => profiles.create({ name: "acme" }),
    exchanges: [[{ operation: "POST /v3/profiles", body: { name: "acme" } }, profile(PROFILE), 201]],
  },
  {
    title: "profiles.get",
    call: ({ profiles }) => profiles.get(PROFILE),
    exchanges: [[get(`/v3/profiles/${PROFILE}`), profile(PROFILE)]],
  },
  {
    title: "profiles.list",
    call: ({ profiles }) => profiles.list({ query: "acme & co" }).next(),
    exchanges: [
      [get("/v3/profiles", { pageNumber: "1", pageSize: "100", query: "acme & co" }), { items: [], totalItems: 0 }],
    ],
  },
  {
    title: "profiles.update",
    call: ({ profiles }) => profiles.update(PROFILE, { name: "new", userId: null }),
    exchanges: [
      [{ operation: `PATCH /v3/profiles/${PROFILE}`, body: { name: "new", userId: null } }, profile(PROFILE)],
    ],
  },
  {
    title: "profiles.delete",
    call: ({ profiles }) => profiles.delete(PROFILE),
    exchanges: [[{ operation: `DELETE /v3/profiles/${PROFILE}` }, undefined, 204]],
  },
  {
    title: "browsers.open",
    call: ({ browsers }) => browsers.open({ timeoutMinutes: 30, metadata: { ticket: "7" } }),
    exchanges: [
      [{ operation: "POST /v3/browsers", body: { timeout: 30, metadata: { ticket: "7" } } }, browser({ id: ID }), 201],
    ],
  },
  {
    title: "browsers.use",
    call: ({ browsers }) => browsers.use({}, () => 1),
    exchanges: [
      [{ operation: "POST /v3/browsers", body: {} }, browser({ id: ID }), 201],
      [BROWSER_STOP, browser({ id: ID, status: "stopped" })],
    ],
  },
  {
    title: "browsers.list",
    call: ({ browsers }) => browsers.list({ filterBy: "stopped" }).next(),
    exchanges: [
      [get("/v3/browsers", { pageNumber: "1", pageSize: "100", filterBy: "stopped" }), { items: [], totalItems: 0 }],
    ],
  },
  {
    title: "browser.refresh",
    call: ({ browsers }) => browsers.attach(ID).refresh(),
    exchanges: [[get(`/v3/browsers/${ID}`), browser({ id: ID })]],
  },
  {
    title: "browser.stop",
    call: ({ browsers }) => browsers.attach(ID).stop(),
    exchanges: [[BROWSER_STOP, browser({ id: ID, status: "stopped" })]],
  },
  {
    title: "browser.downloads",
    call: ({ browsers }) => browsers.attach(ID).downloads().next(),
    exchanges: [
      [get(`/v3/browsers/${ID}/downloads`, { limit: "100", includeUrls: "true" }), { files: [], hasMore: false }],
    ],
  },
  {
    title: "billing.account",
    call: ({ billing }) => billing.account(),
    exchanges: [[get("/v3/billing/account"), { rateLimit: 10 }]],
  },
];

test.each(methods)("$title asks for exactly this", async ({ call, exchanges }) => {
  const wire = new Wire();
  for (const [request, reply, status] of exchanges) wire.on(request.operation, reply, status);
  const client = wire.client();
  // Methods are taken off the client in these tables.
  await call({ ...client, resume: client.resume.bind(client) } as BrowserUse);
  expect(wire.sent).toEqual(exchanges.map(([request]) => request));
  for (const headers of wire.headers) expect(headers).toMatchObject({ "x-browser-use-api-key": KEY });
});

test("A request carries the key, the client's headers, the type of its body, and nothing that identifies more", async () => {
  const wire = new Wire().on("POST /v2/sessions", V2_LIVE, 201).on("GET /v3/billing/account", {});
  const client = wire.client({ headers: { "X-Team": "support" } });
  await client.v2.sessions.open();
  await client.billing.account();
  const own = wire.headers.map((headers) => Object.keys(headers).sort());
  const common = ["host", "x-browser-use-api-key", "x-team"];
  expect(own[0]?.filter((name) => !common.includes(name)).sort()).toEqual(["content-type"]);
  expect(own[1]?.filter((name) => !common.includes(name)).sort()).toEqual([]);
  expect(wire.headers[0]).toMatchObject({ "content-type": "application/json", "x-team": "support" });
});

test("An upload asks for a form with the key, and sends it to the file store without", async () => {
  const form = {
    url: "https://bucket.test/",
    method: "POST",
    fields: { key: "uploads/1", "Content-Type": "text/csv", policy: "UE9MSUNZ", "x-amz-signature": "5160" },
    fileName: "data-1.csv",
    expiresIn: 120,
  };
  const wire = new Wire().on(`POST /v2/files/sessions/${ID}/presigned-url`, form, 201);
  let posted: { headers: Record<string, string>; body: string } | undefined;
  nock("https://bucket.test")
    .post("/")
    .reply(function (_, body) {
      posted = { headers: this.req.headers, body: String(body) };
      return [204];
    });
  const session = wire.client().v2.sessions.attach(ID);
  await session.upload({ name: "data.csv", data: new TextEncoder().encode("a,b\n"), type: "text/csv" });
  expect(wire.sent).toEqual([
    {
      operation: `POST /v2/files/sessions/${ID}/presigned-url`,
      body: { fileName: "data.csv", contentType: "text/csv", sizeBytes: 4 },
    },
  ]);
  expect(Object.keys(posted?.headers ?? {}).sort()).toEqual(["content-type", "host"]);
  const boundary = /boundary=(.+)$/.exec(posted?.headers["content-type"] ?? "")?.[1];
  const part = (head: string, text: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${text}\r\n`;
  const fields = Object.entries(form.fields).map(([name, value]) => part(`name="${name}"`, value));
  const file = part('name="file"; filename="data-1.csv"\r\nContent-Type: application/octet-stream', "a,b\n");
  expect(posted?.body.replace(/--\r\n$/, "--")).toBe(`${fields.join("")}${file}--${boundary}--`);
});

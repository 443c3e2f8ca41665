import nock from "nock";
import { expect, test } from "vitest";
import type { BrowserUse } from "../../src/index.ts";
import { agentBrowser, browsers, events, started, v4Run } from "../facade/v4/views.ts";
import { KEY, Wire, type WireRequest } from "../support/wire.ts";

const ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
const SESSION = "7b1d7a4e-0000-4000-8000-000000000001";
const WORKSPACE = "5e55a0c2-0000-4000-8000-000000000002";
const FILE = "f11e0000-0000-4000-8000-000000000003";
const BROWSER = "b0b0b0b0-0000-4000-8000-000000000004";
const ONE = `/v4/runs/${ID}`;

type Exchange = readonly [request: WireRequest, reply: object | undefined, status?: number];

interface Method {
  readonly title: string;
  readonly call: (browserUse: BrowserUse) => unknown;
  readonly exchanges: readonly Exchange[];
}

const create = (body: object): Exchange => [
  { operation: "POST /v4/runs", body },
  started({ id: ID, sessionId: SESSION, workspaceId: WORKSPACE }),
];
const status = (text: string): Exchange => [{ operation: `GET ${ONE}/status` }, { status: text }];
const whole = (changes: object = {}): Exchange => [
  { operation: `GET ${ONE}` },
  v4Run({ id: ID, sessionId: SESSION, ...changes }),
];
const cancel: Exchange = [{ operation: `POST ${ONE}/cancel` }, v4Run({ id: ID, status: "cancelled" })];
const session = (text: string): Exchange => [
  { operation: `GET /v4/sessions/${SESSION}` },
  { sessionId: SESSION, workspaceId: WORKSPACE, latestRunId: ID, status: text },
];
const active: Exchange = [
  {
    operation: "GET /v4/browsers",
    query: { agentSessionId: SESSION, filterBy: "active", pageNumber: "1", pageSize: "100" },
  },
  browsers(agentBrowser({ id: BROWSER, agentSessionId: SESSION })),
];
const stopBrowser: Exchange = [
  { operation: `PATCH /v4/browsers/${BROWSER}`, body: { action: "stop" } },
  agentBrowser({ id: BROWSER, status: "stopped" }),
];

const methods: readonly Method[] = [
  { title: "v4.runs.start", call: ({ v4 }) => v4.runs.start("Go"), exchanges: [create({ task: "Go" })] },
  {
    title: "v4.runs.start with all fields",
    call: ({ v4 }) =>
      v4.runs.start("Go", {
        model: "minimax-m3",
        sessionId: SESSION,
        workspaceId: WORKSPACE,
        maxCostUsd: 1.5,
        attachedFileIds: [FILE],
        judge: { context: "EUR only" },
        browserSettings: {
          profileId: ID,
          proxyCountryCode: "de",
          customProxy: "http://me:word@proxy.test:8080",
          screenWidth: 800,
          screenHeight: 600,
          record: true,
        },
      }),
    exchanges: [
      create({
        task: "Go",
        model: "minimax-m3",
        sessionId: SESSION,
        workspaceId: WORKSPACE,
        maxCostUsd: 1.5,
        attachedFileIds: [FILE],
        judge: { context: "EUR only" },
        browserSettings: {
          profileId: ID,
          proxyCountryCode: "de",
          customProxy: { host: "proxy.test", port: 8080, username: "me", password: "word" },
          screenWidth: 800,
          screenHeight: 600,
          record: true,
        },
      }),
    ],
  },
  {
    title: "v4.runs.run",
    call: ({ v4 }) => v4.runs.run("Go"),
    exchanges: [create({ task: "Go" }), status("completed"), whole(), active, stopBrowser],
  },
  {
    title: "v4.runs.run with onStep",
    call: ({ v4 }) => v4.runs.run("Go", { onStep: () => {}, keepAlive: true }),
    exchanges: [
      create({ task: "Go" }),
      status("completed"),
      [{ operation: `GET ${ONE}/events`, query: { after: "0" } }, events([])],
      whole(),
    ],
  },
  {
    title: "v4.runs.run as a follow-up",
    call: ({ v4 }) => v4.runs.run("Go on", { sessionId: SESSION }),
    exchanges: [create({ task: "Go on", sessionId: SESSION }), status("completed"), whole()],
  },
  {
    title: "v4.runs.run that is over before it has ended",
    call: ({ v4 }) => v4.runs.run("Go", { waitTimeoutMs: 50 }).catch(() => {}),
    exchanges: [
      create({ task: "Go" }),
      cancel,
      status("cancelled"),
      whole({ status: "cancelled" }),
      active,
      stopBrowser,
    ],
  },
  {
    title: "v4.runs.attach, and the result of what was attached,",
    call: ({ v4 }) => v4.runs.attach(ID).result(),
    exchanges: [whole()],
  },
  {
    title: "v4.runs.run as the last follow-up",
    call: ({ v4 }) => v4.runs.run("Last", { sessionId: SESSION, keepAlive: false }),
    exchanges: [create({ task: "Last", sessionId: SESSION }), status("completed"), whole(), active, stopBrowser],
  },
  {
    title: "v4.sessions.stop",
    call: ({ v4 }) => v4.sessions.stop(SESSION),
    exchanges: [session("completed"), session("completed"), active, stopBrowser],
  },
  {
    title: "run.stop on v4",
    call: ({ resume }) => resume({ apiVersion: "v4", id: ID, sessionId: SESSION }).stop(),
    exchanges: [status("running"), cancel],
  },
];

test.each(methods)("$title asks for exactly this", async ({ call, exchanges }) => {
  const wire = new Wire();
  for (const [request, reply, code] of exchanges) wire.on(request.operation, reply, code);
  const client = wire.client();
  // Methods are taken off the client in these tables.
  await call({ ...client, resume: client.resume.bind(client) } as BrowserUse);
  expect(wire.sent).toEqual(exchanges.map(([request]) => request));
  for (const headers of wire.headers) expect(headers).toMatchObject({ "x-browser-use-api-key": KEY });
});

test.each<[string, Record<string, string>, readonly Exchange[], object]>([
  [
    "in a workspace of its own",
    {},
    [
      [
        { operation: "POST /v4/workspaces", body: {} },
        { id: WORKSPACE, archived: false },
      ],
    ],
    { workspaceId: WORKSPACE },
  ],
  ["in the workspace that is named", { workspaceId: WORKSPACE }, [], { workspaceId: WORKSPACE }],
  [
    "in the workspace of its session",
    { sessionId: SESSION },
    [[{ operation: `GET /v4/sessions/${SESSION}` }, { sessionId: SESSION, workspaceId: WORKSPACE }]],
    { sessionId: SESSION },
  ],
])(
  "A run with a file %s asks for a link with the key, and puts the file there without",
  async (_, place, before, told) => {
    const uploadUrl = "https://bucket.test/uploads/data.csv?X-Amz-Signature=5160";
    const puts: { headers: Record<string, string>; body: string }[] = [];
    nock("https://bucket.test")
      .put("/uploads/data.csv")
      .query(true)
      .reply(function (_uri, body) {
        puts.push({ headers: this.req.headers, body: String(body) });
        return [200];
      });
    const sign: Exchange = [
      {
        operation: `POST /v4/workspaces/${WORKSPACE}/files/upload`,
        body: { files: [{ name: "data.csv", contentType: "text/csv", size: 4 }] },
      },
      { files: [{ id: FILE, name: "data.csv", path: "uploads/data.csv", uploadUrl }] },
    ];
    const exchanges = [...before, sign, create({ task: "Go", ...told, attachedFileIds: [FILE] })];
    const wire = new Wire();
    for (const [request, reply] of exchanges) wire.on(request.operation, reply);
    const files = { name: "data.csv", data: new TextEncoder().encode("a,b\n"), type: "text/csv" };
    await wire.client().v4.runs.start("Go", { ...place, files });
    expect(wire.sent).toEqual(exchanges.map(([request]) => request));
    expect(puts.map(({ body }) => body)).toEqual(["a,b\n"]);
    expect(puts.map(({ headers }) => Object.keys(headers).sort())).toEqual([["content-type", "host"]]);
  },
);

import { expect, test } from "vitest";
import { bodies, type CheckedOperation } from "../../src/generated/limits.ts";
import type { BrowserUse, V2TaskFields, V3TaskFields } from "../../src/index.ts";
import { rejection } from "../support/clients.ts";
import { v3View } from "../support/views.ts";
import { Wire } from "../support/wire.ts";

const ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
const PROFILE = "7b1d7a4e-0000-4000-8000-000000000001";
const WORKSPACE = "7b1d7a4e-0000-4000-8000-000000000002";
const PROXY = { host: "proxy.test", port: 8080, username: "user", password: "p@ss", ignoreCertErrors: true };
const SCREEN = { browserScreenWidth: 1280, browserScreenHeight: 800 };
const JSON_SCHEMA = { type: "object", properties: { price: { type: "number" } } };
const SCHEMA = { schema: { jsonSchema: JSON_SCHEMA } };

/** A request field, and how a caller of the facade gets it onto the wire. */
interface Parameter {
  readonly operation: CheckedOperation;
  readonly field: string;
  /** What is on the wire under that name; a field of `sessionSettings` is told by its dot. */
  readonly sent: unknown;
  readonly call: (client: BrowserUse) => Promise<unknown>;
  /** Whether the call asks a v3 session how it stands first. */
  readonly isInSession?: boolean;
}

const V2_OPEN = "POST /v2/sessions";
const V2_TASK = "POST /v2/tasks";
const V3_OPEN = "POST /v3/sessions";
const BROWSER = "POST /v3/browsers";

const sessions: readonly (readonly [field: string, request: object, sent?: unknown])[] = [
  ["profileId", { profileId: PROFILE }],
  ["profileId", { profileId: null }],
  ["proxyCountryCode", { proxyCountryCode: "uk" }],
  ["proxyCountryCode", { proxyCountryCode: null }],
  ["startUrl", { startUrl: "https://app.test/a?b=c#d" }],
  ["startUrl", { startUrl: null }],
  ["browserScreenWidth", SCREEN],
  ["browserScreenHeight", SCREEN],
  ["browserScreenHeight", { browserScreenWidth: null, browserScreenHeight: null }],
  ["persistMemory", { persistMemory: false }],
  ["keepAlive", { keepAlive: false }],
  ["customProxy", { customProxy: PROXY }],
  ["customProxy", { customProxy: null }],
  [
    "customProxy",
    { customProxy: "http://us%40er:p%3Ass@proxy.test:8080" },
    { host: "proxy.test", port: 8080, username: "us@er", password: "p:ss" },
  ],
  ["enableRecording", { enableRecording: true }],
];

const tasks: readonly (readonly [field: string, request: V2TaskFields, sent?: unknown])[] = [
  ["llm", { llm: "o3" }],
  ["llm", { llm: "a-model-of-tomorrow" }],
  ["startUrl", { startUrl: "https://app.test" }],
  ["startUrl", { startUrl: null }],
  ["maxSteps", { maxSteps: 7 }],
  ["metadata", { metadata: { ticket: "4711" } }],
  ["metadata", { metadata: null }],
  ["secrets", { secrets: { "app.test": "s3cret" } }],
  ["secrets", { secrets: null }],
  ["allowedDomains", { allowedDomains: ["app.test"] }],
  ["allowedDomains", { allowedDomains: null }],
  ["opVaultId", { opVaultId: "vault" }],
  ["opVaultId", { opVaultId: null }],
  ["highlightElements", { highlightElements: true }],
  ["flashMode", { flashMode: true }],
  ["thinking", { thinking: true }],
  ["thinkingLevel", { thinkingLevel: "high" }],
  ["thinkingLevel", { thinkingLevel: null }],
  ["vision", { vision: "auto" }],
  ["vision", { vision: false }],
  ["systemPromptExtension", { systemPromptExtension: "Be brief." }],
  ["skillIds", { skillIds: ["k1"] }],
  ["judge", { judge: true }],
  ["judgeGroundTruth", { judgeGroundTruth: "42" }],
  ["judgeLlm", { judgeLlm: "o3" }],
  ["judgeLlm", { judgeLlm: null }],
];

const browsers: readonly (readonly [field: string, request: object, sent?: unknown])[] = [
  ...sessions.filter(([field]) => !["startUrl", "persistMemory", "keepAlive"].includes(field)),
  ["timeout", { timeoutMinutes: 240 }, 240],
  ["allowResizing", { allowResizing: true }],
  ["metadata", { metadata: { ticket: "4711" } }],
  ["solveCaptchas", { solveCaptchas: false }],
  ["pdfRendererEnabled", { pdfRendererEnabled: false }],
];

const v3Baked: readonly (readonly [field: string, request: object])[] = [
  ["profileId", { profileId: PROFILE }],
  ["profileId", { profileId: null }],
  ["workspaceId", { workspaceId: WORKSPACE }],
  ["workspaceId", { workspaceId: null }],
  ["proxyCountryCode", { proxyCountryCode: "de" }],
  ["proxyCountryCode", { proxyCountryCode: null }],
  ["enableRecording", { enableRecording: true }],
  ["browserScreenWidth", SCREEN],
  ["browserScreenHeight", SCREEN],
];

const v3Tasks: readonly (readonly [field: string, request: V3TaskFields])[] = [
  ["model", { model: "claude-sonnet-4.6" }],
  ["model", { model: "a-model-of-tomorrow" }],
  ["maxCostUsd", { maxCostUsd: 0.5 }],
  ["maxCostUsd", { maxCostUsd: "0.50" }],
  ["maxCostUsd", { maxCostUsd: null }],
  ["enableScheduledTasks", { enableScheduledTasks: true }],
  ["skills", { skills: false }],
  ["agentmail", { agentmail: false }],
  ["cacheScript", { cacheScript: false }],
  ["cacheScript", { cacheScript: null }],
  ["sensitiveData", { sensitiveData: { pin: "1234" } }],
  ["sensitiveData", { sensitiveData: null }],
  ["thinkingLevel", { thinkingLevel: "low" }],
  ["codeMode", { codeMode: true }],
  ["useOwnKey", { useOwnKey: true }],
  ["autoHeal", { autoHeal: false }],
];

/** Each field of a request on its own row, sent as it was given unless the table says otherwise. */
function rows<T extends object>(
  operation: CheckedOperation,
  table: readonly (readonly [field: string, request: T, sent?: unknown])[],
  call: (client: BrowserUse, request: T) => Promise<unknown>,
  place = "",
): Parameter[] {
  return table.map(([field, request, sent = (request as Record<string, unknown>)[field]]) => ({
    operation,
    field: `${place}${field}`,
    sent,
    call: (client) => call(client, request),
  }));
}

const inV2Session = (client: BrowserUse) => client.v2.sessions.attach(ID);
const inV3Session = (client: BrowserUse) => client.v3.sessions.attach(ID);
const SETTINGS = ["profileId", "proxyCountryCode", "browserScreenWidth", "browserScreenHeight", "enableRecording"];

function inSession(parameter: Parameter): Parameter {
  return { ...parameter, isInSession: true };
}

const parameters: readonly Parameter[] = [
  ...rows(V2_OPEN, sessions, ({ v2 }, request) => v2.sessions.open(request)),
  ...rows(V2_TASK, tasks, (client, request) => inV2Session(client).start("Go", request)),
  ...rows(V2_TASK, tasks, ({ v2 }, request) => v2.run("Go", request)),
  ...rows(
    V2_TASK,
    sessions.filter(([field]) => SETTINGS.includes(field)),
    ({ v2 }, request) => v2.run("Go", request),
    "sessionSettings.",
  ),
  ...rows(V3_OPEN, v3Baked, ({ v3 }, request) => v3.sessions.open(request)),
  ...rows(V3_OPEN, v3Baked, ({ v3 }, request) => v3.run("Go", request)),
  ...rows(V3_OPEN, v3Tasks, ({ v3 }, request) => v3.sessions.open(request)),
  ...rows(V3_OPEN, v3Tasks, ({ v3 }, request) => v3.run("Go", request)),
  ...rows(V3_OPEN, v3Tasks, (client, request) => inV3Session(client).start("Go", request)).map(inSession),
  ...rows(BROWSER, browsers, (client, request) => client.browsers.open(request)),
  {
    operation: V2_TASK,
    field: "task",
    sent: "Go to “Ümläut” 🎉\n",
    call: (client) => inV2Session(client).start("Go to “Ümläut” 🎉\n"),
  },
  { operation: V2_TASK, field: "sessionId", sent: ID, call: (client) => inV2Session(client).start("Go") },
  {
    operation: V2_TASK,
    field: "structuredOutput",
    sent: JSON.stringify(JSON_SCHEMA),
    call: (client) => inV2Session(client).start("Go", SCHEMA),
  },
  { operation: V2_TASK, field: "sessionSettings", sent: { proxyCountryCode: "us" }, call: ({ v2 }) => v2.run("Go") },
  { operation: V3_OPEN, field: "keepAlive", sent: false, call: ({ v3 }) => v3.sessions.open({ keepAlive: false }) },
  { operation: V3_OPEN, field: "task", sent: "Go", call: ({ v3 }) => v3.run("Go") },
  inSession({ operation: V3_OPEN, field: "sessionId", sent: ID, call: (client) => inV3Session(client).start("Go") }),
  inSession({ operation: V3_OPEN, field: "keepAlive", sent: true, call: (client) => inV3Session(client).start("Go") }),
  { operation: V3_OPEN, field: "outputSchema", sent: JSON_SCHEMA, call: ({ v3 }) => v3.run("Go", SCHEMA) },
  {
    operation: V3_OPEN,
    field: "cacheScript",
    sent: true,
    call: ({ v3 }) => v3.run("Go", { cacheScript: true, workspaceId: WORKSPACE }),
  },
  {
    operation: "POST /v3/profiles",
    field: "name",
    sent: "acme",
    call: ({ profiles }) => profiles.create({ name: "acme" }),
  },
  {
    operation: "POST /v3/profiles",
    field: "userId",
    sent: null,
    call: ({ profiles }) => profiles.create({ userId: null }),
  },
];

/** What a call asks before it sends the request that is looked at. */
const BEFORE: Readonly<Record<string, object>> = {
  [`GET /v3/sessions/${ID}`]: v3View({ id: ID, workspaceId: WORKSPACE }),
  [`GET /v3/sessions/${ID}/messages`]: { messages: [], hasMore: false },
};

/** The body is all that is looked at: the service refuses every request for want of credits, so that nothing follows. */
async function bodyOf({ operation, call, isInSession = false }: Parameter): Promise<Record<string, unknown>> {
  const wire = new Wire().on(operation, { detail: "no credits" }, 402);
  if (isInSession) for (const [before, reply] of Object.entries(BEFORE)) wire.on(before, reply);
  const error = await rejection(call(wire.client()));
  expect(error).toMatchObject({ code: "insufficient_credits" });
  return wire.sent.at(-1)?.body as Record<string, unknown>;
}

test.each(parameters)("$operation: $field can be said, and is sent as $sent", async (parameter) => {
  const body = await bodyOf(parameter);
  const [outer = "", inner] = parameter.field.split(".");
  const holder = inner === undefined ? body : (body[outer] as Record<string, unknown>);
  expect(holder).toHaveProperty([inner ?? outer], parameter.sent);
});

test.each([V2_OPEN, V2_TASK, V3_OPEN, BROWSER, "POST /v3/profiles"] as const)(
  "%s has no field that a caller of the facade cannot say",
  (operation) => {
    const said = new Set(parameters.filter((one) => one.operation === operation).map(({ field }) => field));
    const known = Object.keys(bodies[operation].properties ?? {});
    expect(known.filter((field) => !said.has(field))).toEqual([]);
  },
);

import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { redactor, secretsOf } from "../../../src/facade/call/redact.ts";
import { BrowserUse, type BrowserUseOptions } from "../../../src/index.ts";
import { type AnyCall, API_KEY, callOperation, clientOf, rejection } from "../../support/clients.ts";
import { type Act, fail, json, rawThenFin, reply, startFaultServer } from "../../support/fault-server.ts";

beforeEach(() => {
  vi.spyOn(Math, "random").mockReturnValue(0);
});
afterEach(() => vi.restoreAllMocks());

/** All that a log could print of an error. */
function everythingOf(error: unknown): string {
  const { message, stack, cause } = error as Error;
  return [
    message,
    stack,
    String(error),
    String(cause),
    JSON.stringify(error),
    JSON.stringify(cause),
    inspect(error, { depth: 10, showHidden: true }),
    inspect(cause, { depth: 10, showHidden: true }),
  ].join("\n");
}

async function shownBy(act: Act, operation: string, init: AnyCall = {}, options: BrowserUseOptions = {}) {
  const server = await startFaultServer(act);
  return everythingOf(await rejection(callOperation(clientOf(server, options), operation, { maxRetries: 0, ...init })));
}

/** The server's answers that echo a text in every way there is. */
function echoes(text: string): Record<string, Act> {
  const body = {
    detail: `You sent ${text}`,
    echo: { [text]: [text, { deep: text }] },
    inner: JSON.stringify({ text }),
  };
  const issue = { loc: ["body", text], msg: `Value error, ${text}`, type: "x", input: text, ctx: { text } };
  const utf8 = (value: unknown) => JSON.stringify(value).replace(/[^\x20-\x7e]/g, asciiUnit);
  return {
    "401 in JSON": reply({ status: 401, body }),
    "400 in JSON, ASCII only": reply({ status: 400, body: utf8(body) }),
    "422 in JSON": reply({ status: 422, body: { detail: [issue] } }),
    "429 in JSON": reply({ status: 429, body }),
    "400 with a list": reply({ status: 400, body: JSON.stringify([text, text]) }),
    "500 as text": reply({ status: 500, body: `Traceback: ${text}` }),
    "500 as text with JSON in it": reply({ status: 500, body: `Traceback: ${JSON.stringify({ text })}` }),
    "500 as text with ASCII JSON in it": reply({ status: 500, body: `Traceback: ${utf8({ text })}` }),
    "500 as text with JSON in JSON": reply({ status: 500, body: `{${JSON.stringify(JSON.stringify({ text }))}` }),
    "502 in HTML": reply({ status: 502, body: `<html>${inHtml(text)}</html>` }),
    "400 as a URL": reply({ status: 400, body: { detail: `Bad path /x/${inUrl(text)}/y` } }),
    "400 as a form": reply({ status: 400, body: `a=${new URLSearchParams({ text }).toString().slice(5)}` }),
    "200 that is no JSON": reply({ body: `<html>${text}</html>` }),
    "200 that is JSON and no object": json([text]),
    "409 cut at the edge": reply({ status: 409, body: `${"x".repeat(495)}${text}` }),
    "a redirect": reply({ status: 302, headers: { Location: `http://other.test/${inUrl(text)}` }, body }),
  };
}

/** The text in every form that the answers above give it. */
function formsOf(text: string): string[] {
  const json = JSON.stringify(text).slice(1, -1);
  const ascii = json.replace(/[^\x20-\x7e]/g, asciiUnit);
  const form = new URLSearchParams({ text }).toString().slice(5);
  return [
    text,
    text.replace(/\p{Cs}/gu, "\ufffd"),
    json,
    ascii,
    JSON.stringify(json).slice(1, -1),
    inspect(text).slice(1, -1),
    inUrl(text),
    form,
    inHtml(text),
  ];
}

function inHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;").replace(/'/g, "&#39;");
}

function inUrl(text: string): string {
  return encodeURIComponent(text.replace(/\p{Cs}/gu, "\ufffd"));
}

function asciiUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

describe("the key", () => {
  const ODD_KEYS = [API_KEY, 'bu_"quoted"\\back/slash', "bu_<tag>&amp;'+%41", "$&$1(.*)[a-z]+"];

  test.each(Object.keys(echoes("")))("is shown by no error when the server echoes it: %s", async (kind) => {
    for (const apiKey of ODD_KEYS) {
      const act = echoes(apiKey)[kind] ?? json({});
      const shown = await shownBy(act, "POST /v3/sessions", { body: { task: "Look" } }, { apiKey });
      for (const form of formsOf(apiKey)) expect(shown).not.toContain(form);
      expect(shown).not.toContain(apiKey.slice(0, 5));
    }
  });

  test("is shown by no error when the server's answer cannot be parsed: the parser's error holds what it read", async () => {
    for (const answer of [
      `HTTP/1.1 200 OK\r\nX-Echo ${API_KEY}\r\n\r\n`,
      `${API_KEY} HTTP/1.1\r\n\r\n`,
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${API_KEY}\r\n`,
    ]) {
      const shown = await shownBy(rawThenFin(answer), "GET /v3/profiles");
      expect(shown).toContain("HTTPParserError");
      expect(shown).not.toContain(API_KEY);
    }
  });

  test("is shown by no error when a fetch of the caller's throws the request, or what was in it", async () => {
    const faults = [
      (request: Request) => Object.assign(new Error("offline"), { request }),
      (request: Request) =>
        Object.assign(new Error("offline"), { config: { headers: Object.fromEntries(request.headers) } }),
      (request: Request) => new Error(`could not send ${[...request.headers].join()}`),
      (request: Request) => new Error("outer", { cause: new Error("inner", { cause: { headers: request.headers } }) }),
      (request: Request) => ({ headers: [...request.headers] }),
      (request: Request) => new AggregateError([new Error([...request.headers].join())], "all failed"),
      (request: Request) => {
        const endless: Error & { cause?: unknown } = new Error([...request.headers].join());
        endless.cause = endless;
        return endless;
      },
      (request: Request) => [...request.headers].join(),
    ];
    for (const fault of faults) {
      const fetch = (request: Request) => Promise.reject(fault(request));
      const client = clientOf({ url: "https://cloud.test/api" }, { fetch });
      const shown = everythingOf(await rejection(callOperation(client, "GET /v3/profiles", { maxRetries: 0 })));
      expect(shown).not.toContain(API_KEY);
      expect(shown).not.toContain(API_KEY.slice(3, -3));
    }
  });

  test("a cause that shows no secret is handed on as it is", async () => {
    const cause = Object.assign(new TypeError("fetch failed", { cause: new Error("inner") }), {
      code: "EPIPE",
      extra: 1,
    });
    const client = clientOf({ url: "https://cloud.test/api" }, { fetch: () => Promise.reject(cause), maxRetries: 0 });
    expect(((await rejection(callOperation(client, "GET /v3/profiles"))) as Error).cause).toBe(cause);
  });

  test("a cause that had to be cleaned still says what went wrong", async () => {
    const cause = Object.assign(new TypeError(`no way with ${API_KEY}`), { code: "EPIPE" });
    const client = clientOf({ url: "https://cloud.test/api" }, { fetch: () => Promise.reject(cause), maxRetries: 0 });
    expect(await rejection(callOperation(client, "GET /v3/profiles"))).toMatchObject({
      message: expect.stringContaining("EPIPE"),
      cause: { name: "TypeError", message: "no way with [redacted]", code: "EPIPE" },
    });
  });

  test("is in nothing that can be seen of a client", async () => {
    const client = clientOf(await startFaultServer(json({ id: "s-1", status: "active" })));
    const session = await client.v2.sessions.open();
    for (const value of [client, client.api, client.v2, client.v3, client.files, session]) {
      const shown = inspect(value, { depth: 10, showHidden: true, getters: true });
      expect(shown).not.toContain(API_KEY);
      expect(JSON.stringify(value) ?? "").not.toContain(API_KEY);
    }
  });

  test("is in no error of the constructor", () => {
    for (const apiKey of [`${API_KEY}\n`, `${API_KEY} x`, `${API_KEY}ü`, `\u0000${API_KEY}`]) {
      try {
        new BrowserUse({ apiKey });
        expect.unreachable();
      } catch (error) {
        expect(everythingOf(error)).not.toContain(API_KEY);
      }
    }
  });
});

describe("secrets of a request", () => {
  const ODD_SECRETS = [
    "hunter2-and-more",
    'she said "hi" \\ and left',
    "line one\nline two\ttab",
    "pässwörd-密码-🔑",
    'ü"密\\ and\n🔑',
    "a&b=c d+e%20f/g?h#i",
    "<script>'x'</script>",
    "it's (so) *odd* !",
    "$& $1 $` $'",
    "\ud800 half",
  ];
  const carriers = {
    "secrets of a v2 task": ["POST /v2/tasks", (secret: string) => ({ task: "Log in", secrets: { "x.test": secret } })],
    "sensitiveData of a v3 run": ["POST /v3/sessions", (secret: string) => ({ sensitiveData: { password: secret } })],
    "the password of a proxy": [
      "POST /v2/sessions",
      (secret: string) => ({ customProxy: { host: "p.test", port: 80, username: "u-name", password: secret } }),
    ],
    "the user of a proxy": [
      "POST /v3/browsers",
      (secret: string) => ({ customProxy: { host: "p.test", port: 80, username: secret, password: "other" } }),
    ],
    "secrets by domain": [
      "POST /v3/sessions",
      (secret: string) => ({ sensitiveData: { "x.test": { user: "u-name", pass: secret } } }),
    ],
  } satisfies Record<string, [string, (secret: string) => object]>;

  test.each(Object.keys(carriers) as (keyof typeof carriers)[])(
    "%s are shown by no error, however they are echoed",
    async (carrier) => {
      const [operation, bodyWith] = carriers[carrier];
      for (const secret of ODD_SECRETS) {
        for (const [kind, act] of Object.entries(echoes(secret))) {
          const shown = await shownBy(act, operation, { body: bodyWith(secret) });
          for (const form of formsOf(secret)) expect.soft(shown, kind).not.toContain(form);
        }
      }
    },
  );

  test("a secret is known by what was sent: taking it back, or adding it in middleware, shows nothing", async () => {
    const body = { task: "Log in", secrets: { password: "hunter2-and-more" } };
    const server = await startFaultServer((socket, request) => {
      body.secrets.password = "";
      fail(400, `You sent ${request.body}`)(socket, request);
    });
    const client = clientOf(server);
    client.api.use({
      onRequest: async ({ request }) => {
        const sent = { ...(await request.clone().json()), sensitiveData: { vault: "from-the-vault" } };
        return new Request(request, { body: JSON.stringify(sent) });
      },
    });
    const shown = everythingOf(await rejection(callOperation(client, "POST /v2/tasks", { body })));
    expect(server.requests[0]?.body).toContain("from-the-vault");
    expect(shown).not.toMatch(/hunter2|vault"?:"?from/);
  });

  test("a secret that is a number in the echo is one there, too", async () => {
    const body = { task: "Log in", secrets: { pin: "73519" } };
    expect(
      await shownBy(reply({ status: 400, body: { detail: "No", pin: [73519] } }), "POST /v2/tasks", { body }),
    ).not.toContain("73519");
  });

  test("a secret of one letter does not garble what this package says", async () => {
    const body = { task: "Log in", secrets: { letter: "a", empty: "" } };
    const shown = await shownBy(fail(400, "bad b"), "POST /v2/tasks", { body });
    expect(shown).toContain("POST /v2/tasks answered 400: b[redacted]d b.");
  });

  const FIELDS = ["secrets", "sensitiveData"];

  test("secretsOf finds what is secret in odd bodies, and breaks on none", () => {
    for (const body of [
      null,
      undefined,
      5,
      "text",
      [],
      {},
      { secrets: null },
      { customProxy: null },
      { customProxy: "x" },
    ])
      expect(secretsOf(body, FIELDS)).toEqual([]);
    expect(secretsOf({ secrets: { a: "1", b: 2, c: null, d: ["3", { e: "4" }] } }, FIELDS)).toEqual([
      "1",
      "2",
      "3",
      "4",
    ]);
    expect(secretsOf({ sensitiveData: "whole" }, FIELDS)).toEqual(["whole"]);
    const customProxy = { host: "proxy.test", username: "me", password: "pw" };
    expect(secretsOf({ customProxy }, FIELDS)).toEqual(["me", "pw"]);
    expect(secretsOf({ sessionSettings: { customProxy } }, FIELDS)).toEqual(["me", "pw"]);
    for (const address of [
      "http://me:p%2Bw@proxy.test:8080",
      "me:p%2Bw@proxy.test:8080",
      "http://me:p%2Bw@:8080",
      "proxy.test:8080:me:p%2Bw",
    ]) {
      for (const body of [{ customProxy: address }, { proxy_location: { url: address } }, { proxy_location: address }])
        expect(secretsOf(body, FIELDS)).toEqual(expect.arrayContaining(["me", "p%2Bw", "p+w", "me:p%2Bw"]));
    }
    for (const address of ["http://proxy.test:8080/path", "proxy.test:8080", "RESIDENTIAL_DE", "US-CA"])
      expect(secretsOf({ proxy_location: address, proxyUrl: { url: address } }, FIELDS)).toEqual([]);
  });
});

describe("what is secret by itself", () => {
  const SIGNED =
    "https://bucket.s3.amazonaws.com/key.pdf?X-Amz-Algorithm=A&X-Amz-Credential=AKIA1&X-Amz-Signature=5ec4e7";
  test.each([
    ["a presigned URL", `Upload to ${SIGNED} failed`, /5ec4e7|AKIA1/],
    ["a presigned URL with escaped slashes", SIGNED.replaceAll("/", "\\/"), /5ec4e7|AKIA1/],
    ["a presigned URL in a URL", `https://x.test/?to=${encodeURIComponent(SIGNED)}`, /5ec4e7|AKIA1/],
    ["an encoded presigned URL", encodeURIComponent(SIGNED), /5ec4e7|AKIA1/],
    ["a presigned URL in HTML", `<a href="${SIGNED.replaceAll("&", "&amp;")}">`, /5ec4e7|AKIA1/],
    ["its query alone", SIGNED.split("?")[1] ?? "", /5ec4e7|AKIA1/],
    ["a token behind a #", "https://x.test/live#access_token=5ec4e7", /5ec4e7/],
    ["a CDP address", "Connect to wss://cdp.browser-use.com/devtools/5ec4e7 failed", /5ec4e7|devtools/],
    ["a CDP address with escaped slashes", "wss:\\/\\/cdp.test\\/devtools\\/5ec4e7", /5ec4e7/],
    ["a CDP address over https in broken JSON", '{"cdpUrl":"https://5ec4e7.cdp.browser-use.com","id', /5ec4e7/],
    ["a proxy with its user", "Proxy http://user:5ec4e7@proxy.test:8080 failed", /5ec4e7/],
    ["a proxy with an @ in the password", "socks5://user:5e@c4e7@proxy.test failed", /5e|c4e7/],
  ])("%s is not shown", async (_, text, secret) => {
    for (const body of [{ detail: text }, text, { detail: [{ loc: ["body"], msg: text }] }])
      expect(await shownBy(reply({ status: 400, body }), "GET /v3/profiles")).not.toMatch(secret);
  });

  test("fields that are credentials are not shown, whatever their value looks like", async () => {
    const fields = { cdpUrl: "https://5ec4e7.cdp.test", cdp_url: "5ec4e7", password: "5ec4e7", apiKey: "5ec4e7" };
    const echo = { ...fields, secrets: { a: "5ec4e7" }, sensitiveData: ["5ec4e7"], "X-Browser-Use-API-Key": "5ec4e7" };
    for (const body of [
      { detail: "No", ...echo },
      { detail: "No", deep: [{ echo }] },
    ])
      expect(await shownBy(reply({ status: 400, body }), "GET /v3/profiles")).not.toContain("5ec4e7");
  });

  test("a live view, cut short on its way, does not show the browser's address", async () => {
    const body =
      '{"id":"b-1","cdpUrl":"https://5ec4e7.cdp.browser-use.com/","liveUrl":"https://live.test/?wss=5ec4e7","sta';
    expect(await shownBy(reply({ status: 201, body }), "POST /v3/browsers", { body: {} })).not.toContain("5ec4e7");
  });

  test("what is no secret stays readable", () => {
    const redact = redactor(["s3cret"]);
    const harmless = [
      "See https://docs.browser-use.com/cloud for more",
      "Mail support@browser-use.com",
      "Expected a or b, not c?",
      "12:30 @ noon",
    ];
    for (const text of harmless) expect(redact(text)).toBe(text);
    expect(redact({ a: [1, true, null, "x"], password: null })).toEqual({ a: [1, true, null, "x"], password: null });
  });

  test("a long text is cleaned in little time", () => {
    const redact = redactor([
      API_KEY,
      "a\\".repeat(20),
      "\\".repeat(50),
      '"'.repeat(50),
      "%25".repeat(20),
      "&amp;".repeat(9),
    ]);
    const startedAt = performance.now();
    const pieces = ["https://", "a", "x@", "http://a?", "cdpurl=", "wss:", "%", "\\/", "http:\\/\\/a", "a.b-c+d"];
    for (const piece of [...pieces, "\\", '\\"', "a\\\\", "%25", "&amp;", "X-Amz-", " ", "0", "[[["])
      redact(piece.repeat(20_000));
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });
});

test("Secrets that are too long to look for are not shown by the failure to look for them", () => {
  const secret = "Sesame".repeat(100_000);
  let shown: string;
  try {
    shown = redactor([API_KEY, secret])(`It was ${secret} and ${API_KEY}`);
  } catch (error) {
    shown = inspect(error);
  }
  expect(shown).not.toContain("Sesame");
  expect(shown).not.toContain(API_KEY);
});

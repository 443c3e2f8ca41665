import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import type { BrowserUse } from "../../../src/index.ts";
import {
  InvalidInputError,
  verifyWebhook,
  type WebhookEvent,
  type WebhookRequest,
  WebhookVerificationError,
} from "../../../src/webhooks.ts";
import { anyEvent, anyWriting, javascript, python, pythonUnescaped, sign, write } from "./webhook-sender.ts";

/** Another one each day; a failure prints it. */
const SEED = Math.floor(Date.now() / 86_400_000);
const SECRET = "whsec_0123456789";
const NOW_S = 1_772_361_000;
const NOW_MS = NOW_S * 1000;
const BODY =
  '{"payload":{"metadata":{"ticket":"4711"},"session_id":"s-1","status":"idle","task_id":"t-1"},"timestamp":"2026-03-01T10:30:00Z","type":"agent.task.status_update"}';

/** A webhook as the service sends it, but for what is given. */
function sent(given: Partial<WebhookRequest> = {}): WebhookRequest {
  return { body: BODY, headers: sign(BODY, SECRET, `${NOW_S}`), secret: SECRET, nowMs: NOW_MS, ...given };
}

/** What a body comes out as that is signed as it is. */
function read(body: unknown): Promise<WebhookEvent> {
  const text = JSON.stringify(body);
  return verifyWebhook(sent({ body: text, headers: sign(text, SECRET, `${NOW_S}`) }));
}

const refused = (request: WebhookRequest, why: string | RegExp) =>
  expect(verifyWebhook(request)).rejects.toSatisfy(
    (error) => error instanceof WebhookVerificationError && error.message.search(why) !== -1,
    `a WebhookVerificationError about ${why}`,
  );

describe("a genuine webhook", () => {
  test("is read, in this package's spelling, with the service's own beside it", async () => {
    expect(await verifyWebhook(sent())).toStrictEqual({
      type: "agent.task.status_update",
      timestamp: "2026-03-01T10:30:00.000Z",
      sessionId: "s-1",
      taskId: "t-1",
      status: "idle",
      metadata: { ticket: "4711" },
      raw: JSON.parse(BODY),
    });
  });

  test("made by Python is accepted", async () => {
    // By `json.dumps` and `hmac` of Python 3.11, with the body that `json.dumps` gives by default.
    const body = String.raw`{"type": "agent.task.status_update", "timestamp": "2026-03-01T10:30:00.269116+00:00", "payload": {"task_id": "t-1", "session_id": "s-1", "status": "finished", "metadata": {"caf\u00e9": "na\u00efve \ud83d\ude00", "ratio": 1.0, "big": 12345678901234567890, "small": 1e-07, "large": 1e+16, "del": "\u007f/\u2028\t", "\uffee": null, "\ud83d\ude00": [true, -0.0]}}}`;
    const headers = {
      "X-Browser-Use-Signature": "eee53892db4b09e57005fa7c1c5317bbde70c130dd84356b17b5d3fcdcb732cd",
      "X-Browser-Use-Timestamp": `${NOW_S}`,
    };
    const event = await verifyWebhook(sent({ body, headers }));
    expect(event).toMatchObject({ status: "finished", metadata: { café: "naïve 😀", ratio: 1 } });
  });

  test("may come as bytes, as a view into more bytes, or with a mark in front", async () => {
    const bytes = new TextEncoder().encode(`xx${BODY}xx`);
    const views = [
      bytes.slice(2, -2),
      bytes.subarray(2, -2),
      Buffer.from(BODY),
      new TextEncoder().encode(`\ufeff${BODY}`),
    ];
    for (const body of views) expect(await verifyWebhook(sent({ body }))).toMatchObject({ taskId: "t-1" });
    expect(await verifyWebhook(sent({ body: `\ufeff${BODY}` }))).toMatchObject({ taskId: "t-1" });
  });

  test("is accepted when the body is signed as it is, byte for byte, mark and all", async () => {
    const text = '\ufeff{ "type" : "test",\n "b": 1, "a": 1.0 }';
    const headers = sign(text, SECRET, `${NOW_S}`);
    for (const body of [text, new TextEncoder().encode(text)])
      expect(await verifyWebhook(sent({ body, headers }))).toMatchObject({ type: "test" });
  });

  test("is what was checked, even if the bytes are changed meanwhile", async () => {
    const body = new TextEncoder().encode(BODY);
    const event = verifyWebhook(sent({ body }));
    body.fill(0x20);
    expect(await event).toMatchObject({ taskId: "t-1" });
  });

  const signed = sign(BODY, SECRET, `${NOW_S}`);
  test.each([
    ["Headers", new Headers(signed)],
    ["names in small letters", signed],
    [
      "names in any case",
      Object.fromEntries(Object.entries(signed).map(([name, value]) => [name.toUpperCase(), value])),
    ],
    ["lists of one", Object.fromEntries(Object.entries(signed).map(([name, value]) => [name, [value]]))],
    ["others among them", { host: "a", "set-cookie": ["b", "c"], get: "d", "x-none": undefined, ...signed }],
    ["no prototype", Object.assign(Object.create(null), signed)],
    ["a Map", new Map(Object.entries(signed))],
  ])("is found in headers: %s", async (_, headers) => {
    expect(await verifyWebhook(sent({ headers }))).toMatchObject({ taskId: "t-1" });
  });

  test("may have its signature in capitals", async () => {
    const headers = { ...signed, "x-browser-use-signature": signed["x-browser-use-signature"]?.toUpperCase() };
    expect(await verifyWebhook(sent({ headers }))).toMatchObject({ taskId: "t-1" });
  });

  test.each([[["old", SECRET]], [[SECRET, "new"]], [[SECRET]]])(
    "passes with any of several secrets: %j",
    async (secret) => {
      expect(await verifyWebhook(sent({ secret }))).toMatchObject({ taskId: "t-1" });
    },
  );

  test.each([-300_000, -1, 0, 999, 300_000])("passes when this clock is %i ms off", async (ms) => {
    expect(await verifyWebhook(sent({ nowMs: NOW_MS + ms }))).toMatchObject({ taskId: "t-1" });
  });

  test("takes the time from the clock when none is given", async () => {
    const { nowMs: _, ...request } = sent({ headers: sign(BODY, SECRET, `${Math.floor(Date.now() / 1000)}`) });
    expect(await verifyWebhook(request)).toMatchObject({ taskId: "t-1" });
    await refused({ ...request, headers: sign(BODY, SECRET, `${NOW_S}`) }, "too old");
  });
});

describe("refused is", () => {
  const headers = sign(BODY, SECRET, `${NOW_S}`);
  const [SIGNATURE, TIMESTAMP] = ["x-browser-use-signature", "x-browser-use-timestamp"];
  const value = headers[SIGNATURE] ?? "";

  test.each([
    "",
    "0",
    value.slice(1),
    `${value}0`,
    value.slice(2),
    `${value}00`,
    `sha256=${value}`,
    `g${value.slice(1)}`,
    `${value} `,
    ` ${value}`,
    `${value}\n`,
    "é".repeat(64),
    "\0".repeat(64),
    `${value}, ${value}`,
  ])("a signature that is none: %j", (signature) =>
    refused(sent({ headers: { ...headers, [SIGNATURE]: signature } }), "hexadecimal"),
  );

  test.each([
    "0".repeat(64),
    "f".repeat(64),
    `${value.slice(1)}0`,
    sign(BODY, `${SECRET}0`, `${NOW_S}`)[SIGNATURE],
    sign(BODY, SECRET, `${NOW_S + 1}`)[SIGNATURE],
  ])("the signature of something else: %s", (signature) =>
    refused(sent({ headers: { ...headers, [SIGNATURE]: signature } }), "signature does not fit"),
  );

  // Signed as they are, so that nothing but their form is wrong.
  test.each([
    "",
    "NaN",
    "nan",
    "Infinity",
    "1e9",
    "0x69a3fae8",
    `-${NOW_S}`,
    `+${NOW_S}`,
    `${NOW_S}.0`,
    `${NOW_S}.`,
    ` ${NOW_S}`,
    `${NOW_S} `,
    `${NOW_S}\n`,
    `0${NOW_S}`,
    "0",
    `${NOW_MS}`,
    `${NOW_S}, ${NOW_S}`,
    "1_772_361_000",
    "١٧٧٢٣٦١٠٠٠",
    "2026-03-01T10:30:00Z",
    "9".repeat(400),
    `${NOW_S}n`,
    "null",
    "true",
    "[]",
  ])("a timestamp that is none: %j", (timestamp) =>
    refused(sent({ headers: { ...sign(BODY, SECRET, timestamp), [TIMESTAMP]: timestamp } }), "not a time"),
  );

  test.each([
    [301, "too old"],
    [-301, "from the future"],
    [NOW_S - 1, "too old"],
    [-NOW_S, "from the future"],
  ])("a webhook that is %i seconds old", (ageS, why) =>
    refused(sent({ headers: sign(BODY, SECRET, `${NOW_S - ageS}`) }), why),
  );

  test("one a millisecond older than asked for", async () => {
    await refused(sent({ nowMs: NOW_MS + 300_001 }), "too old");
    await refused(sent({ nowMs: NOW_MS + 1_001, toleranceMs: 1_000 }), "too old");
    await refused(sent({ nowMs: NOW_MS - 1_001, toleranceMs: 1_000 }), "future");
    expect(await verifyWebhook(sent({ nowMs: NOW_MS + 400_000, toleranceMs: 400_000 }))).toBeDefined();
  });

  test.each([[{}], [new Headers()], [{ [SIGNATURE]: undefined }], [{ [SIGNATURE]: [] }], [Object.create(headers)]])(
    "one without headers: %j",
    (none) => refused(sent({ headers: none }), "has no X-Browser-Use-Timestamp"),
  );

  test.each([SIGNATURE, TIMESTAMP])("one without %s", (name) =>
    refused(sent({ headers: { ...headers, [name]: undefined } }), RegExp(`has no ${name}`, "i")),
  );

  test.each([SIGNATURE, TIMESTAMP])("one with %s twice, even if both are right", async (name) => {
    const twice = headers[name] ?? "";
    await refused(sent({ headers: { ...headers, [name]: [twice, twice] } }), RegExp(`more than one ${name}`, "i"));
    await refused(sent({ headers: { ...headers, [name.toUpperCase()]: twice } }), RegExp(`more than one ${name}`, "i"));
    const joined = new Headers(headers);
    joined.append(name, twice);
    await refused(sent({ headers: joined }), /not 64 hex|not a time/);
  });

  const signed = (body: string | Uint8Array) =>
    sent({ body, headers: sign(Buffer.from(body).toString("latin1"), SECRET, `${NOW_S}`) });
  test.each([
    "",
    " ",
    "{",
    "undefined",
    "NaN",
    '{"a":NaN}',
    "type=test",
    "[".repeat(50_000),
    `${"[".repeat(50_000)}${"]".repeat(50_000)}`,
  ])("a signed body that is not JSON, or too deep: %#", (body) => refused(signed(body), "not JSON"));

  test.each(["null", "true", "1", '"agent.task.status_update"', "[]", '[{"type":"test"}]'])(
    "signed JSON that is no event: %s",
    (body) => refused(signed(body), "not an event"),
  );

  test.each([
    [[0xff]],
    [[0x22, 0xc0, 0x80, 0x22]],
    [[0x22, 0xed, 0xa0, 0x80, 0x22]],
    [[0x22, 0xc3, 0x22]],
    [[0x7b, 0, 0x7d, 0]],
  ])("a body that is not UTF-8: %j", (bytes) => refused(signed(Uint8Array.from(bytes)), /not UTF-8|not JSON/));

  test("half a character in a text, which HMAC takes for another one", async () => {
    const genuine = '{"type":"test","payload":{"a":"\ufffd"}}';
    const request = sent({ body: genuine, headers: sign(genuine, SECRET, `${NOW_S}`) });
    expect(await verifyWebhook(request)).toBeDefined();
    await refused({ ...request, body: genuine.replace("\ufffd", "\ud800") }, "not UTF-8");
  });

  test("a body larger than 256 KiB, whatever it says", async () => {
    const filled = (size: number) => `{"a":"${"a".repeat(size - 8)}"}`;
    expect(await verifyWebhook(signed(filled(262_144)))).toMatchObject({ type: "unknown" });
    await refused(signed(filled(262_145)), "larger than 256 KiB");
    await refused(signed(new TextEncoder().encode(filled(262_145))), "larger than 256 KiB");
  });

  test("one of another number, though JavaScript sees none", async () => {
    const body = '{"type":"test","payload":{"n":12345678901234567890}}';
    const request = sent({ body, headers: sign(body, SECRET, `${NOW_S}`) });
    for (const n of [
      "12345678901234567891",
      "12345678901234567000",
      "12345678901234567890.0",
      "1.2345678901234567890e19",
    ])
      await refused({ ...request, body: body.replace("12345678901234567890", n) }, "signature does not fit");
  });

  test("one whose parts are split elsewhere", () =>
    // The signed text is the same: `17723610001.5` with a body of `5`, and so on.
    refused(
      sent({ body: "5", headers: { ...sign("5", SECRET, `${NOW_S}.1`), [TIMESTAMP]: `${NOW_S}` } }),
      "signature does not fit",
    ));

  test("said without secret, signature or body", async () => {
    const others = ["x".repeat(64), value.replace(/^./, "0")].map((signature) => ({
      ...headers,
      [SIGNATURE]: signature,
    }));
    const requests = [
      ...others.map((headers) => sent({ headers })),
      sent({ body: `${BODY}!` }),
      sent({ secret: "whsec_other" }),
      sent({ headers: { ...headers, [TIMESTAMP]: "SECRETIVE" } }),
    ];
    for (const request of requests) {
      const error = await verifyWebhook(request).catch((error: unknown) => error);
      expect(error).toMatchObject({ code: "webhook_verification", name: "WebhookVerificationError" });
      expect(`${(error as Error).stack} ${JSON.stringify(error)} ${(error as Error).cause}`).not.toMatch(
        /whsec|[\da-fx]{64}|4711|SECRETIVE/,
      );
    }
  });
});

describe("what the caller gets wrong is said", () => {
  const wrong = (given: object, why: string) =>
    expect(verifyWebhook({ ...sent(), ...given })).rejects.toSatisfy(
      (error) => error instanceof InvalidInputError && error.message.includes(why),
      why,
    );

  test.each([undefined, null, "", [], [""], ["a", ""], ["a", undefined], 5, {}, [["a"]]])("no secret: %j", (secret) =>
    wrong({ secret }, "secret must be"),
  );
  test.each([`${SECRET}\n`, ` ${SECRET}`, [SECRET, `${SECRET}\r\n`]])(
    "a secret with white space around it: %j",
    (secret) => wrong({ secret }, "secret must not begin or end"),
  );
  test.each([undefined, null, {}, JSON.parse(BODY), [], 5, new ArrayBuffer(2), new Blob([]), new Response("").body])(
    "a body that was parsed before, or not read: %s",
    (body) => wrong({ body }, "raw body"),
  );
  test.each([undefined, null, "a", [], ["x-browser-use-signature", "a"]])("headers that are none: %j", (headers) =>
    wrong({ headers }, "headers must be"),
  );
  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, "300000", null])("a tolerance of %s", (toleranceMs) =>
    wrong({ toleranceMs }, "toleranceMs"),
  );
  test.each([Number.NaN, Number.POSITIVE_INFINITY, "1", null, new Date()])("a time of %s", (nowMs) =>
    wrong({ nowMs }, "nowMs"),
  );
  test("an option that there is none", () => wrong({ tolerance: 5 }, '"tolerance"'));
  test("nothing at all", () => expect(verifyWebhook(undefined as never)).rejects.toThrow(InvalidInputError));
});

describe("an event", () => {
  test("of an unknown type passes, and still says what it is about", async () => {
    const raw = {
      type: "agent.session.sleeps",
      timestamp: "2026-03-01T10:30:00Z",
      payload: { session_id: "s-1", dream: true },
    };
    expect(await read(raw)).toStrictEqual({
      type: "unknown",
      timestamp: "2026-03-01T10:30:00.000Z",
      sessionId: "s-1",
      raw,
    });
    expect(await read({})).toStrictEqual({ type: "unknown", raw: {} });
    expect(await read({ type: 5 })).toStrictEqual({ type: "unknown", raw: { type: 5 } });
  });

  test("that tries the address is told apart", async () => {
    const raw = { type: "test", timestamp: "2024-03-21T12:00:00Z", payload: { test: "ok" } };
    expect(await read(raw)).toStrictEqual({ type: "test", timestamp: "2024-03-21T12:00:00.000Z", raw });
  });

  test.each([undefined, null, 5, true, {}, [], ""])(
    "whose fields are %j has none of them, and is no less genuine",
    async (odd) => {
      const raw = {
        type: "agent.task.status_update",
        timestamp: odd,
        payload: { task_id: odd, session_id: odd, status: odd, metadata: odd === undefined ? undefined : odd },
      };
      const { type, raw: kept, ...rest } = await read(raw);
      expect({ type, ...rest }).toStrictEqual({ type: "agent.task.status_update", metadata: {} });
      expect(kept).toStrictEqual(JSON.parse(JSON.stringify(raw)));
      expect(await read({ type: "agent.task.status_update", payload: odd })).toMatchObject({
        type: "agent.task.status_update",
        metadata: {},
      });
    },
  );

  test("is read in the other spelling that the service has documented", async () => {
    const raw = { type: "agent.task.status_update", payload: { taskId: "t-1", sessionId: "s-1", status: "finished" } };
    expect(await read(raw)).toMatchObject({ taskId: "t-1", sessionId: "s-1", status: "finished" });
  });

  test.each([
    ["2026-03-01T10:30:00", "2026-03-01T10:30:00.000Z"],
    ["2026-03-01T11:30:00.269116+01:00", "2026-03-01T10:30:00.269Z"],
    ["yesterday", undefined],
  ])("of %s happened at %s", async (timestamp, utc) => {
    expect((await read({ type: "test", timestamp })).timestamp).toBe(utc);
  });

  test("is narrowed by its type, and goes where waits are told", async () => {
    const event = await verifyWebhook(sent());
    if (event.type === "agent.task.status_update")
      expectTypeOf(event.metadata).toEqualTypeOf<Readonly<Record<string, unknown>>>();
    if (event.type === "unknown") expectTypeOf(event.raw["type"]).toBeUnknown();
    // @ts-expect-error Only a status update has a status.
    event.status;
    expectTypeOf(event).toExtend<Parameters<BrowserUse["notify"]>[0]>();
    expectTypeOf<{
      readonly body: Buffer;
      readonly headers: import("node:http").IncomingHttpHeaders;
      readonly secret: string;
    }>().toExtend<WebhookRequest>();
    expectTypeOf<{
      readonly body: string;
      readonly headers: Headers;
      readonly secret: readonly string[];
    }>().toExtend<WebhookRequest>();
  });
});

describe("for any JSON", () => {
  const senders = { python, pythonUnescaped, javascript };
  test.each(Object.entries(senders))(
    "what %s signs is accepted, however the body is written, and is the same after JSON",
    async (_, style) => {
      await fc.assert(
        fc.asyncProperty(anyEvent, anyWriting, async (json, writing) => {
          const canonical = write(json, style);
          fc.pre(!/\p{Cs}/u.test(canonical));
          const headers = sign(canonical, SECRET, `${NOW_S}`);
          const event = await verifyWebhook(sent({ body: write(json, writing), headers }));
          expect(event.raw).toStrictEqual(JSON.parse(canonical));
          expect(event).toMatchObject({ taskId: "t-1", sessionId: "s-1", status: "idle" });
          const again = JSON.parse(JSON.stringify(event));
          expect(JSON.stringify(again)).toBe(JSON.stringify(event));
        }),
        { seed: SEED, numRuns: 150 },
      );
    },
  );

  test("what is signed as it is written is accepted", async () => {
    await fc.assert(
      fc.asyncProperty(anyEvent, anyWriting, async (json, writing) => {
        const body = write(json, writing);
        expect(await verifyWebhook(sent({ body, headers: sign(body, SECRET, `${NOW_S}`) }))).toMatchObject({
          taskId: "t-1",
        });
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  test("a change of one byte of the body is refused, or changes nothing that the event says", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyEvent,
        anyWriting,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (json, writing, where, flip) => {
          const headers = sign(write(json, python), SECRET, `${NOW_S}`);
          const body = new TextEncoder().encode(write(json, writing));
          const event = await verifyWebhook(sent({ body, headers }));
          const at = where % body.length;
          body[at] = (body[at] ?? 0) ^ flip;
          const changed = await verifyWebhook(sent({ body, headers })).catch((error: unknown) => error);
          if (changed instanceof WebhookVerificationError) return;
          expect(changed).toStrictEqual(event);
        },
      ),
      { seed: SEED, numRuns: 600 },
    );
  });
});

describe("every change of one", () => {
  const headers = sign(BODY, SECRET, `${NOW_S}`);
  const is = async (request: WebhookRequest) =>
    (await verifyWebhook(request).catch((error: unknown) => error)) instanceof WebhookVerificationError;

  test("byte of a body in its plainest form is refused", async () => {
    for (let at = 0; at < BODY.length; at += 1) {
      for (const flip of [1, 2, 4, 8, 16, 32, 64, 128]) {
        const body = Buffer.from(BODY);
        body[at] = (body[at] ?? 0) ^ flip;
        expect(await is(sent({ body, headers })), `byte ${at}, bit ${flip}`).toBe(true);
      }
    }
  });

  test("digit of the signature, and of the time, is refused", async () => {
    for (const [name, digits] of [
      ["x-browser-use-signature", "0123456789abcdef"],
      ["x-browser-use-timestamp", "0123456789"],
    ] as const) {
      const value = headers[name] ?? "";
      for (const [at, digit] of [...value].entries()) {
        for (const other of digits.replace(digit, "")) {
          const changed = value.slice(0, at) + other + value.slice(at + 1);
          expect(await is(sent({ headers: { ...headers, [name]: changed } })), `${name} ${at}`).toBe(true);
        }
      }
    }
  });
});

test("whatever comes in, nothing but a refusal comes out", async () => {
  const text = fc.string({ unit: "binary" });
  const header = fc.oneof(text, fc.constantFrom(`${NOW_S}`, "a".repeat(64)), fc.array(text), fc.constant(undefined));
  const body = fc.oneof(text, fc.json(), fc.uint8Array({ maxLength: 200 }));
  await fc.assert(
    fc.asyncProperty(body, header, header, fc.dictionary(text, header), async (body, signature, timestamp, others) => {
      const headers = { ...others, "X-Browser-Use-Signature": signature, "X-Browser-Use-Timestamp": timestamp };
      await expect(verifyWebhook(sent({ body, headers }))).rejects.toBeInstanceOf(WebhookVerificationError);
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test("it needs nothing of a runtime but WebCrypto and what turns texts into bytes", async () => {
  const { outputFiles } = await build({
    entryPoints: ["src/webhooks.ts"],
    bundle: true,
    minify: true,
    platform: "neutral",
    format: "iife",
    globalName: "webhooks",
    write: false,
  });
  const [{ text, contents }] = outputFiles as [(typeof outputFiles)[number]];
  const bare = createContext({ crypto, TextEncoder, TextDecoder });
  runInContext(text, bare);
  bare["request"] = sent({ body: new TextEncoder().encode(BODY) });
  expect(await runInContext("webhooks.verifyWebhook(request)", bare)).toMatchObject({ taskId: "t-1" });
  bare["request"] = sent({ secret: "another" });
  expect(await runInContext("webhooks.verifyWebhook(request).catch(({ code }) => code)", bare)).toBe(
    "webhook_verification",
  );
  expect(contents.length).toBeLessThan(10_000);
});

import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { InvalidInputError, verifySkyvernWebhook, WebhookVerificationError } from "../../src/skyvern.ts";
import { rejection } from "../support/clients.ts";
import { KEY } from "./support.ts";
import { taskRun } from "./views.ts";

// As the service may write it: with spaces, an escape, and numbers that JavaScript would write in another way.
const BODY = `{"run_id": "tsk_1", "status": "completed", "output": {"total": 1.0, "city": "K\\u00f6ln"}, "step_count": 3}`;

function sign(body: string | Uint8Array, key = KEY): string {
  return createHmac("sha256", key).update(body).digest("hex");
}

function signed(body: string, changes: object = {}) {
  return { body, headers: { "x-skyvern-signature": sign(body), "x-skyvern-timestamp": "1772359200", ...changes } };
}

describe("a genuine webhook", () => {
  test("gives the run as it was sent, and when", async () => {
    expect(await verifySkyvernWebhook(signed(BODY), KEY)).toEqual({
      run: { run_id: "tsk_1", status: "completed", output: { total: 1, city: "Köln" }, step_count: 3 },
      timestamp: new Date("2026-03-01T10:00:00Z"),
    });
  });

  test.each([
    ["bytes", { ...signed(BODY), body: new TextEncoder().encode(BODY) }],
    ["Headers", { ...signed(BODY), headers: new Headers(signed(BODY).headers) }],
    ["names in capitals", { body: BODY, headers: { "X-Skyvern-Signature": sign(BODY) } }],
    ["a signature in capitals", signed(BODY, { "x-skyvern-signature": sign(BODY).toUpperCase() })],
    ["values in lists", { body: BODY, headers: { "x-skyvern-signature": [sign(BODY)] } }],
  ])("passes with %s", async (_, request) => {
    expect(await verifySkyvernWebhook(request, KEY)).toMatchObject({ run: { run_id: "tsk_1" } });
  });

  test("passes with a mark before it, and with any characters", async () => {
    const body = `\ufeff${JSON.stringify(taskRun({ output: "日本語 🦊" }))}`;
    expect(await verifySkyvernWebhook(signed(body), KEY)).toMatchObject({ run: { output: "日本語 🦊" } });
  });

  test("passes with one of several keys", async () => {
    expect(await verifySkyvernWebhook(signed(BODY), ["another", KEY])).toMatchObject({ run: { run_id: "tsk_1" } });
  });

  test.each([undefined, "", "soon", "-1", "1e9", "1772359200.5"])("has no time when its header is %j", async (time) => {
    const { timestamp } = await verifySkyvernWebhook(signed(BODY, { "x-skyvern-timestamp": time }), KEY);
    expect(timestamp).toBe(null);
  });

  test("passes at any time, as the signature does not cover that", async () => {
    for (const time of ["1", "99999999999"]) {
      const request = signed(BODY, { "x-skyvern-timestamp": time });
      expect(await verifySkyvernWebhook(request, KEY)).toMatchObject({ run: { run_id: "tsk_1" } });
    }
  });

  test("may be large", async () => {
    const body = JSON.stringify(taskRun({ output: "x".repeat(1_000_000) }));
    expect(await verifySkyvernWebhook(signed(body), KEY)).toMatchObject({ run: { run_id: "tsk_1" } });
  });
});

describe("refused with WebhookVerificationError, without key, signature and body in the text", () => {
  const flipped = sign(BODY).replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
  test.each<[string, { body: string; headers: object }]>([
    ["one that says more than was signed", { ...signed(BODY), body: BODY.replace("completed", "failed") }],
    ["one that says the same in other words", { ...signed(BODY), body: JSON.stringify(JSON.parse(BODY)) }],
    ["a signature with one other digit", signed(BODY, { "x-skyvern-signature": flipped })],
    ["a signature that is cut short", signed(BODY, { "x-skyvern-signature": sign(BODY).slice(0, 62) })],
    ["a signature that is too long", signed(BODY, { "x-skyvern-signature": `${sign(BODY)}00` })],
    ["a signature of an odd length", signed(BODY, { "x-skyvern-signature": sign(BODY).slice(1) })],
    ["a signature that is none", signed(BODY, { "x-skyvern-signature": "z".repeat(64) })],
    ["an empty signature", signed(BODY, { "x-skyvern-signature": "" })],
    ["no signature", { body: BODY, headers: {} }],
    ["two signatures", signed(BODY, { "x-skyvern-signature": [sign(BODY), sign(BODY)] })],
    ["another key", signed(BODY, { "x-skyvern-signature": sign(BODY, "another") })],
    ["a genuine text that is no JSON", signed("tsk_1 completed")],
    ["a genuine list", signed("[]")],
    ["a genuine object that is no run", signed('{"status":"completed"}')],
    ["an empty body", signed("")],
    ["a body that is far too large", { body: "x".repeat(17 * 1024 * 1024), headers: signed(BODY).headers }],
    ["half a character", { body: "\ud800", headers: signed(BODY).headers }],
  ])("%s", async (_, request) => {
    const error = await rejection(verifySkyvernWebhook(request as typeof request & { headers: Headers }, KEY));
    expect(error).toBeInstanceOf(WebhookVerificationError);
    const shown = String(error);
    for (const secret of [KEY, sign(BODY), "tsk_1"]) expect(shown).not.toContain(secret);
  });

  test("bytes that are no UTF-8, though signed", async () => {
    const body = Uint8Array.of(0x7b, 0xff, 0x7d);
    const request = { body, headers: { "x-skyvern-signature": sign(body) } };
    expect(await rejection(verifySkyvernWebhook(request, KEY))).toBeInstanceOf(WebhookVerificationError);
  });
});

describe("what the caller got wrong is an InvalidInputError", () => {
  test.each<[string, unknown, unknown]>([
    ["no key", signed(BODY), undefined],
    ["an empty key", signed(BODY), ""],
    ["no keys", signed(BODY), []],
    ["a key with a line end", signed(BODY), `${KEY}\n`],
    ["a body that was parsed before", { ...signed(BODY), body: JSON.parse(BODY) }, KEY],
    ["no headers", { body: BODY }, KEY],
    ["an option that nobody reads", { ...signed(BODY), toleranceMs: 1 }, KEY],
    ["nothing", undefined, KEY],
  ])("%s", async (_, request, key) => {
    const error = await rejection(verifySkyvernWebhook(request as never, key as never));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(String(error)).not.toContain(KEY);
  });
});

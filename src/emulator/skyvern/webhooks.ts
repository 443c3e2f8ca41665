import { createHmac } from "node:crypto";
import { wireJson } from "../webhook-json.ts";
import type { Settings } from "./options.ts";

const ATTEMPT_MS = 10_000;

/** What became of a webhook. */
export interface Delivery {
  /** Null when nobody answered. */
  readonly status: number | null;
  readonly error: string | null;
}

/** Sends what runs say at their end: once, signed with the API key over the bytes that are sent. */
export class Webhooks {
  readonly #settings: Settings;
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Sends to an address, if there is one, and does not wait. */
  tell(url: string | null | undefined, payload: unknown): void {
    if (url != null) void this.send(url, payload);
  }

  /** Sends once, whatever becomes of it. */
  send(url: string, payload: unknown): Promise<Delivery> {
    const delivery = this.#post(url, wireJson(payload, this.#settings.webhookForm));
    this.#underWay.add(delivery);
    return delivery.finally(() => this.#underWay.delete(delivery));
  }

  /** Ends what is under way; nothing is sent after that. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("the emulator is closed"));
    await Promise.allSettled([...this.#underWay]);
  }

  /** The receiver's clock does not move when the emulator's is advanced; the time is not signed. */
  async #post(url: string, body: string): Promise<Delivery> {
    const headers = {
      "Content-Type": "application/json",
      "x-skyvern-signature": createHmac("sha256", this.#settings.apiKey).update(body).digest("hex"),
      "x-skyvern-timestamp": String(Math.floor(this.#settings.now() / 1000)),
    };
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(ATTEMPT_MS)]);
    try {
      signal.throwIfAborted();
      const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
      await response.body?.cancel();
      return { status: response.status, error: response.ok ? null : `answered with ${response.status}` };
    } catch (error) {
      return { status: null, error: error instanceof Error ? error.message : String(error) };
    }
  }
}

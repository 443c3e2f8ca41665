import { createHmac } from "node:crypto";
import type { Clock } from "./clock.ts";
import { canonicalJson, type WebhookForm, wireJson } from "./webhook-json.ts";

const ATTEMPT_MS = 10_000;
/** Before the second attempt, the third, and so on. After the last one the event is lost. */
const PAUSES_MS = [100, 400, 1_600, 6_400];

/** Where the emulator sends its webhooks, and how. */
export interface WebhookOptions {
  /** Takes the POST. What is not answered with 2xx is sent again, four times, with growing pauses. */
  readonly url: string;
  /** What the webhooks are signed with. */
  readonly secret: string;
  /** How JSON is written, on the wire and for the signature. Default: `python`. */
  readonly form?: WebhookForm;
  /** How long every event is held back, in milliseconds. Default: 0. */
  readonly delayMs?: number;
  /** How often every event is sent. Default: 1. */
  readonly copies?: number;
}

/** An event to send. */
export interface WebhookMessage {
  /** Default: `test`. */
  readonly type?: string;
  /** When it happened. Default: now. */
  readonly timestamp?: string;
  /** Anything that JSON can hold, and numbers as {@link RawNumber}. Default: `{ test: "ok" }`. */
  readonly payload?: unknown;
}

/** What became of an event. */
export interface WebhookDelivery {
  /** Whether each copy was answered with 2xx. */
  readonly delivered: boolean;
  /** How many requests were sent. */
  readonly attempts: number;
}

/** A task of v2 or a session of v3 that has another status now. */
export interface StatusChange {
  readonly sessionId: string;
  readonly taskId: string | null;
  readonly status: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Sends signed events: in order for each session, each until it is taken. Without options it sends nothing. */
export class Webhooks {
  readonly #options: WebhookOptions | undefined;
  readonly #clock: Clock;
  readonly #now: () => number;
  /** The end of what is to be sent for each session. */
  readonly #lanes = new Map<string, Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();

  /** `now` gives the time that is signed: the receiver's clock does not move when the emulator's is advanced. */
  constructor(options: WebhookOptions | undefined, clock: Clock, now: () => number) {
    this.#options = options;
    this.#clock = clock;
    this.#now = now;
  }

  /** Sends a status update after those before it of the same session. */
  tell({ sessionId, taskId, status, metadata }: StatusChange): void {
    if (!this.#options) return;
    const payload = { task_id: taskId, session_id: sessionId, status, metadata };
    const event = this.#event({ type: "agent.task.status_update", payload });
    const before = this.#lanes.get(sessionId) ?? Promise.resolve();
    const sent = before.then(() => this.#deliver(event, {}));
    this.#lanes.set(sessionId, sent);
    sent.finally(() => this.#lanes.get(sessionId) === sent && this.#lanes.delete(sessionId));
  }

  /**
   * Sends an event of any kind, now or late, once or more often.
   *
   * @throws Error when the emulator was started without a webhook, or is closed.
   * @throws TypeError or RangeError for what cannot be sent, or not like that.
   */
  async send(
    message: WebhookMessage,
    options: Pick<WebhookOptions, "delayMs" | "copies" | "form">,
  ): Promise<WebhookDelivery> {
    if (!this.#options) throw new Error("the emulator has no webhook: start it with webhook: { url, secret }");
    this.#closing.signal.throwIfAborted();
    checkWebhook({ ...this.#options, ...options });
    return this.#deliver(this.#event(message), options);
  }

  /** Ends what is under way; nothing is sent after that. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("the emulator is closed"));
    await Promise.allSettled([...this.#underWay]);
  }

  #event({ type = "test", timestamp, payload = { test: "ok" } }: WebhookMessage): Required<WebhookMessage> {
    return { type, timestamp: timestamp ?? new Date(this.#clock.now()).toISOString(), payload };
  }

  #deliver(event: Required<WebhookMessage>, options: Partial<WebhookOptions>): Promise<WebhookDelivery> {
    const delivery = this.#sendAll(event, { ...this.#options, ...options });
    this.#underWay.add(delivery);
    return delivery.finally(() => this.#underWay.delete(delivery));
  }

  async #sendAll(
    event: Required<WebhookMessage>,
    { form = "python", delayMs = 0, copies = 1 }: Partial<WebhookOptions>,
  ): Promise<WebhookDelivery> {
    if (delayMs > 0) await this.#pause(delayMs);
    let [attempts, taken] = [0, 0];
    for (let copy = 0; copy < copies; copy++) {
      for (const pauseMs of [...PAUSES_MS, undefined]) {
        if (this.#closing.signal.aborted) return { delivered: false, attempts };
        attempts += 1;
        if (await this.#post(event, form)) {
          taken += 1;
          break;
        }
        if (pauseMs !== undefined) await this.#pause(pauseMs);
      }
    }
    return { delivered: taken === copies, attempts };
  }

  /** Signed anew each time: what is sent again late must not be taken for too old. */
  async #post(event: Required<WebhookMessage>, form: WebhookForm): Promise<boolean> {
    const { url = "", secret = "" } = this.#options ?? {};
    const timestamp = String(Math.floor(this.#now() / 1000));
    const signature = createHmac("sha256", secret)
      .update(`${timestamp}.${canonicalJson(event, form)}`)
      .digest("hex");
    const headers = {
      "Content-Type": "application/json",
      "X-Browser-Use-Signature": signature,
      "X-Browser-Use-Timestamp": timestamp,
    };
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(ATTEMPT_MS)]);
    try {
      const init = { method: "POST", headers, body: wireJson(event, form), redirect: "manual", signal } as const;
      const response = await fetch(url, init);
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false; // nobody there, or not in time: as a server that refuses
    }
  }

  /** Ends at once when the emulator is closed. */
  #pause(ms: number): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      const end = (): void => {
        signal.removeEventListener("abort", end);
        resolve();
      };
      signal.addEventListener("abort", end);
      if (signal.aborted) end();
      else this.#clock.after(ms, end);
    });
  }
}

/**
 * Checks the options of a webhook.
 *
 * @throws TypeError for a URL, a secret or a form that cannot be meant.
 * @throws RangeError for a number that cannot be meant.
 */
export function checkWebhook({ url, secret, form, delayMs = 0, copies = 1 }: WebhookOptions): void {
  if (!/^https?:$/.test(new URL(url).protocol)) throw new TypeError("webhook.url must begin with http:// or https://");
  if (typeof secret !== "string" || secret === "") throw new TypeError("webhook.secret must be a text");
  if (form !== undefined && form !== "python" && form !== "javascript") {
    throw new TypeError(`webhook.form must be "python" or "javascript", not ${form}`);
  }
  if (!(delayMs >= 0)) throw new RangeError(`webhook.delayMs must be 0 or more, not ${delayMs}`);
  if (!Number.isInteger(copies) || copies < 1) throw new RangeError(`webhook.copies must be 1 or more, not ${copies}`);
}

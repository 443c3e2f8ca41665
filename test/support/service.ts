import { afterEach, beforeEach, expect, onTestFinished, vi } from "vitest";
import { BrowserUse, type BrowserUseOptions } from "../../src/index.ts";

/** A request as the fake service got it. */
export interface Sent {
  /** Method and path below the base URL, e.g. `GET /v3/sessions/s1`. */
  readonly operation: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Headers;
  readonly body: unknown;
  readonly signal: AbortSignal;
  /** The request itself; a body that is no JSON has not been read. */
  readonly request: Request;
}

/** What the service does with a request: answer, fail, or ask the test. A plain object is a 200 with that body. */
export type Reply = Response | Error | object | ((sent: Sent) => Reply | Promise<Reply>);

/** An answer with a status of its own. */
export function answer(status: number, body?: unknown): Reply {
  return () => new Response(body === undefined ? null : JSON.stringify(body), { status });
}

/** A refusal, worded as the service words its own. */
export function refusal(status: number, detail: string): Reply {
  return answer(status, { detail });
}

/** A connection that breaks before the answer. */
export function reset(): Error {
  return new TypeError("fetch failed", { cause: Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }) });
}

/** An answer that never comes. */
export const silence: Reply = ({ signal }) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

/** The given reply, later. */
export function delayed(ms: number, reply: Reply): Reply {
  return ({ signal }) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve(reply), ms);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    });
}

/** A reply that the test gives when it wants to. */
export function held(): {
  readonly reply: Reply;
  readonly give: (reply: Reply) => void;
  readonly asked: Promise<void>;
} {
  let give: (reply: Reply) => void = () => {};
  let ask: () => void = () => {};
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  const later = new Promise<Reply>((resolve) => {
    give = resolve;
  });
  const reply = () => {
    ask();
    return later;
  };
  return { reply, give, asked };
}

/** A service that plays exactly what it is told to; a request that nobody expected fails the test. */
export class Service {
  readonly sent: Sent[] = [];
  readonly #scripts = new Map<string, Reply[]>();
  readonly #surprises: string[] = [];

  constructor() {
    onTestFinished(() => expect(this.#surprises, "requests that no script expects").toEqual([]));
  }

  /** Plays these replies to the operation, one after the other; the last one again and again. */
  on(operation: string, ...replies: Reply[]): this {
    this.#scripts.set(operation, replies);
    return this;
  }

  /** How often the operation was asked for. */
  count(operation: string): number {
    return this.sent.filter((sent) => sent.operation === operation).length;
  }

  /** The bodies that the operation was given. */
  bodies(operation: string): unknown[] {
    return this.sent.filter((sent) => sent.operation === operation).map(({ body }) => body);
  }

  /** What was asked for, in order. */
  get operations(): string[] {
    return this.sent.map(({ operation }) => operation);
  }

  client(options: BrowserUseOptions = {}): BrowserUse {
    return new BrowserUse({ apiKey: "bu_key", baseUrl: "https://cloud.test/api", fetch: this.fetch, ...options });
  }

  readonly fetch = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const operation = `${request.method} ${url.host === "cloud.test" ? url.pathname.replace("/api", "") : url.href}`;
    const text = request.headers.get("Content-Type")?.includes("json") ? await request.text() : "";
    const { headers, signal } = request;
    const query = Object.fromEntries(url.searchParams);
    const sent = { operation, query, headers, signal, request, body: text === "" ? undefined : JSON.parse(text) };
    this.sent.push(sent);
    return this.#play(this.#next(operation), sent);
  };

  #next(operation: string): Reply {
    const script = this.#scripts.get(operation);
    const reply = script && script.length > 1 ? script.shift() : script?.[0];
    if (reply !== undefined) return reply;
    this.#surprises.push(operation);
    return refusal(418, "nobody expects this");
  }

  async #play(reply: Reply, sent: Sent): Promise<Response> {
    if (typeof reply === "function") return this.#play(await reply(sent), sent);
    if (reply instanceof Error) throw reply;
    return reply instanceof Response ? reply : Response.json(reply);
  }
}

/** Timers run at once, in their order, and the clock with them. A timer that a test leaves behind fails it. */
export function useFastTime(): void {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.setTimerTickMode("nextTimerAsync");
  });
  afterEach(() => {
    const left = vi.getTimerCount();
    vi.useRealTimers();
    expect(left, "timers that nobody cleared").toBe(0);
  });
}

/** A signal that aborts after a time, and its reason. */
export function abortAfter(ms: number): { readonly signal: AbortSignal; readonly reason: Error } {
  const control = new AbortController();
  const reason = new Error("The caller has left.");
  setTimeout(() => control.abort(reason), ms);
  return { signal: control.signal, reason };
}

/** A signal that counts those who listen to it. */
export function countedSignal(): { readonly control: AbortController; readonly listeners: () => number } {
  const control = new AbortController();
  const { signal } = control;
  const listening = new Set<unknown>();
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (type: string, listener: EventListenerOrEventListenerObject, options?: unknown) => {
    listening.add(listener);
    add(type, listener, options as AddEventListenerOptions);
  };
  signal.removeEventListener = (type: string, listener: EventListenerOrEventListenerObject) => {
    listening.delete(listener);
    remove(type, listener);
  };
  return { control, listeners: () => listening.size };
}

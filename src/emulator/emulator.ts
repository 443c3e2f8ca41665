import { browserUse } from "./browser-use.ts";
import { Clock } from "./clock.ts";
import { Cloud } from "./cloud.ts";
import { addDownload, type Download } from "./downloads.ts";
import { handlersOf } from "./handlers.ts";
import { type EmulatorOptions, settingsOf } from "./options.ts";
import type { Session } from "./records.ts";
import { Bucket } from "./s3/bucket.ts";
import { S3Front } from "./s3/s3.ts";
import type { Fault, FaultRule } from "./server/faults.ts";
import { type Listener, listen } from "./server/http.ts";
import { fetchFrom } from "./server/in-process.ts";
import { type LoggedRequest, Server } from "./server/server.ts";
import { statusV3 } from "./v3/sessions.ts";
import type { SessionV4 } from "./v4/records.ts";
import { latestRun } from "./v4/sessions.ts";
import type { WebhookDelivery, WebhookMessage, WebhookOptions } from "./webhooks.ts";

/** A session as a test wants to see it. */
export interface SessionSummary {
  readonly id: string;
  readonly kind: "v2" | "v3" | "v4" | "browser";
  /** As the API of its kind names it; of a v4 session, the status of its latest run. */
  readonly status: string;
  /** Whether it holds a slot. A v4 session does as long as a browser of its own is open, at work or not. */
  readonly open: boolean;
  readonly profileId: string | null;
}

/** A cloud of your own: it keeps what it is told, until it is closed. */
export interface Emulator extends AsyncDisposable {
  /** What a client takes as its base URL; ends in `/api`. */
  readonly url: string;
  /** The one key that is accepted. */
  readonly apiKey: string;
  /** Every request so far, in the order they came in. It holds no bodies and no keys. */
  readonly requests: readonly LoggedRequest[];
  /** Takes a request without a socket, and answers as the socket would: a dropped connection rejects like `fetch` does. */
  readonly fetch: (input: Request | string | URL, init?: RequestInit) => Promise<Response>;
  /** Puts a fault in the way of coming requests. */
  fail(rule: FaultRule): Fault;
  /** All sessions and browsers that were not deleted, oldest first. The browsers of a v4 session are no entries of their own. */
  sessions(): SessionSummary[];
  /** What a profile holds; undefined when there is no such profile. */
  profileState(profileId: string): ReadonlyMap<string, string> | undefined;
  /** Moves the emulator's clock: sessions time out, waiting tasks start. */
  advance(ms: number): void;
  /**
   * Lets a session time out now, so its profile is not saved; in v4 that is the browser of the session.
   *
   * @throws Error when there is no such session.
   */
  expireSession(sessionId: string): void;
  /**
   * Puts a file among the downloads of a browser, as if it had been downloaded; one with the same path is replaced. It need not be open.
   *
   * @throws Error when there is no such browser.
   * @throws TypeError for a path that no file can have.
   */
  addDownload(browserId: string, download: Download): void;
  /**
   * Sends a webhook of its own, a `test` when nothing else is said. How it is sent may differ from the emulator's `webhook` option.
   *
   * @throws Error when the emulator has no `webhook`, or is closed.
   * @throws TypeError or RangeError for what cannot be sent, or not like that.
   */
  sendWebhook(
    message?: WebhookMessage,
    options?: Pick<WebhookOptions, "delayMs" | "copies" | "form">,
  ): Promise<WebhookDelivery>;
  /** Ends all tasks and webhooks, and stops listening. Closing twice is closing once. */
  close(): Promise<void>;
}

/** An emulator without a socket; its {@link Emulator.fetch} goes where a client takes a `fetch`. */
export function createEmulator(options: EmulatorOptions = {}): Emulator {
  return new LocalCloud(options).emulator("http://localhost");
}

/**
 * An emulator that listens on 127.0.0.1.
 *
 * @param options.port 0, the default, takes a free one.
 * @throws the system's error when the port is taken.
 */
export async function startEmulator(options: EmulatorOptions & { readonly port?: number } = {}): Promise<Emulator> {
  const { port = 0, ...rest } = options;
  const local = new LocalCloud(rest);
  const listener = await listen(local.server, port);
  return local.emulator(listener.origin, listener);
}

class LocalCloud {
  readonly server: Server;
  readonly #cloud: Cloud;
  #closed = false;

  constructor(options: EmulatorOptions) {
    const settings = settingsOf(options);
    const clock = new Clock(settings.now);
    const bucket = new Bucket(clock);
    this.#cloud = new Cloud(settings, clock, bucket);
    this.server = new Server(browserUse(this.#cloud, handlersOf(this.#cloud), new S3Front(bucket, clock)));
  }

  emulator(origin: string, listener?: Listener): Emulator {
    const close = (): Promise<void> => this.#close(listener);
    return {
      url: `${origin}/api`,
      apiKey: this.#cloud.settings.apiKey,
      requests: this.server.log,
      fetch: fetchFrom(this.server, () => this.#closed),
      fail: (rule) => this.server.faults.add(rule),
      sessions: () => this.#summaries(),
      profileState: (id) => this.#cloud.profiles.get(id)?.state,
      advance: (ms) => this.#advance(ms),
      addDownload: (browserId, download) => addDownload(this.#cloud, browserId, download),
      sendWebhook: (message = {}, sending = {}) => this.#cloud.webhooks.send(message, sending),
      expireSession: (id) => this.#expire(id),
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  #summaries(): SessionSummary[] {
    this.#cloud.sweep();
    const owners = [...this.#cloud.sessions.values()].map((session) => agentOf(session) ?? session);
    return [...new Set(owners)].map((one) => ("runs" in one ? summaryV4(one) : summary(one)));
  }

  #advance(ms: number): void {
    this.#cloud.clock.advance(ms);
    this.#cloud.sweep();
  }

  #expire(id: string): void {
    const session = this.#cloud.sessions.get(id);
    const ending = session ? [session] : this.#cloud.sessionsV4.get(id)?.browsers;
    if (!ending) throw new Error(`the emulator has no session ${id}`);
    for (const one of [...ending]) this.#cloud.end(one, "timed_out");
  }

  async #close(listener: Listener | undefined): Promise<void> {
    this.#closed = true;
    const webhooks = this.#cloud.webhooks.close();
    for (const session of this.#cloud.live()) this.#cloud.end(session, "timed_out");
    this.#cloud.clock.close();
    await webhooks;
    await listener?.close();
  }
}

function agentOf(session: Session): SessionV4 | null {
  return session.kind === "browser" ? session.agent : null;
}

function summary(session: Session): SessionSummary {
  const { id, kind, profileId } = session;
  const status = kind === "v3" ? statusV3(session) : session.end === null ? "active" : "stopped";
  return { id, kind, status, open: session.end === null, profileId };
}

function summaryV4(session: SessionV4): SessionSummary {
  const { status, browser } = latestRun(session);
  const open = session.browsers.some(({ end }) => end === null);
  return { id: session.id, kind: "v4", status, open, profileId: browser.profileId };
}

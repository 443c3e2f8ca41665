import { billingHandlers } from "./billing.ts";
import { browserHandlers } from "./browsers.ts";
import { Bucket } from "./bucket.ts";
import { Clock } from "./clock.ts";
import { Cloud } from "./cloud.ts";
import { addDownload, type Download } from "./downloads.ts";
import type { Fault, FaultRule } from "./faults.ts";
import { fileV2Handlers } from "./files-v2.ts";
import { type Listener, listen } from "./http.ts";
import { messageV3Handlers } from "./messages-v3.ts";
import type { Handlers } from "./operations.ts";
import { type EmulatorOptions, settingsOf } from "./options.ts";
import { ConnectionDropped } from "./problem.ts";
import { profileHandlers } from "./profiles.ts";
import type { Session } from "./records.ts";
import { S3Front } from "./s3.ts";
import { type LoggedRequest, Server } from "./server.ts";
import { sessionV2Handlers } from "./sessions-v2.ts";
import { sessionV3Handlers, statusV3 } from "./sessions-v3.ts";
import { taskV2Handlers } from "./tasks-v2.ts";
import type { WebhookDelivery, WebhookMessage, WebhookOptions } from "./webhooks.ts";
import { workspaceFileV3Handlers } from "./workspace-files-v3.ts";
import { workspaceV3Handlers } from "./workspaces-v3.ts";

/** A session as a test wants to see it. */
export interface SessionSummary {
  readonly id: string;
  readonly kind: "v2" | "v3" | "browser";
  /** As the API of its kind names it. */
  readonly status: string;
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
  /** All sessions and browsers that were not deleted, oldest first. */
  sessions(): SessionSummary[];
  /** What a profile holds; undefined when there is no such profile. */
  profileState(profileId: string): ReadonlyMap<string, string> | undefined;
  /** Moves the emulator's clock: sessions time out, waiting tasks start. */
  advance(ms: number): void;
  /**
   * Lets a session time out now, so its profile is not saved.
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
    this.server = new Server(this.#cloud, handlersOf(this.#cloud), new S3Front(bucket, clock));
  }

  emulator(origin: string, listener?: Listener): Emulator {
    const close = (): Promise<void> => this.#close(listener);
    return {
      url: `${origin}/api`,
      apiKey: this.#cloud.settings.apiKey,
      requests: this.server.log,
      fetch: (input, init) => this.#fetch(input, init),
      fail: (rule) => this.server.faults.add(rule),
      sessions: () => this.#swept().map(summary),
      profileState: (id) => this.#cloud.profiles.get(id)?.state,
      advance: (ms) => this.#advance(ms),
      addDownload: (browserId, download) => addDownload(this.#cloud, browserId, download),
      sendWebhook: (message = {}, sending = {}) => this.#cloud.webhooks.send(message, sending),
      expireSession: (id) => this.#expire(id),
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  async #fetch(input: Request | string | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init);
    request.signal.throwIfAborted();
    if (this.#closed) throw networkError("ECONNREFUSED");
    const answer = this.server.answer(request, init?.body instanceof ReadableStream).catch((error: unknown) => {
      throw error instanceof ConnectionDropped ? networkError("ECONNRESET") : error;
    });
    return orAborted(answer, request.signal);
  }

  #swept(): Session[] {
    this.#cloud.sweep();
    return [...this.#cloud.sessions.values()];
  }

  #advance(ms: number): void {
    this.#cloud.clock.advance(ms);
    this.#cloud.sweep();
  }

  #expire(id: string): void {
    const session = this.#cloud.sessions.get(id);
    if (!session) throw new Error(`the emulator has no session ${id}`);
    this.#cloud.end(session, "timed_out");
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

function handlersOf(cloud: Cloud): Handlers {
  return {
    ...profileHandlers(cloud),
    ...billingHandlers(cloud),
    ...browserHandlers(cloud),
    ...sessionV2Handlers(cloud),
    ...taskV2Handlers(cloud),
    ...fileV2Handlers(cloud),
    ...sessionV3Handlers(cloud),
    ...messageV3Handlers(cloud),
    ...workspaceV3Handlers(cloud),
    ...workspaceFileV3Handlers(cloud),
  };
}

function summary(session: Session): SessionSummary {
  const status = session.kind === "v3" ? statusV3(session) : session.end === null ? "active" : "stopped";
  return { id: session.id, kind: session.kind, status, profileId: session.profileId };
}

/** What `fetch` rejects with when a connection breaks. */
function networkError(code: string): TypeError {
  return new TypeError("fetch failed", { cause: Object.assign(new Error(`read ${code}`), { code }) });
}

function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

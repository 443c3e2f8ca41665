import { Clock } from "../clock.ts";
import { Bucket } from "../s3/bucket.ts";
import { S3Front } from "../s3/s3.ts";
import type { Fault, FaultRule } from "../server/faults.ts";
import { type Listener, listen } from "../server/http.ts";
import { fetchFrom } from "../server/in-process.ts";
import { type LoggedRequest, Server } from "../server/server.ts";
import { artifactHandlers } from "./artifacts.ts";
import { SkyvernCloud } from "./cloud.ts";
import { fileHandlers } from "./files.ts";
import type { Handlers } from "./operations.ts";
import { type SkyvernEmulatorOptions, settingsOf } from "./options.ts";
import { profileHandlers } from "./profiles.ts";
import type { Session, SessionEnd } from "./records.ts";
import { runHandlers } from "./runs.ts";
import { sessionHandlers } from "./sessions.ts";
import { taskHandlers } from "./tasks.ts";
import { skyvern } from "./vendor.ts";
import { Webhooks } from "./webhooks.ts";

/** A session as a test wants to see it. */
export interface SkyvernSessionSummary {
  readonly id: string;
  /** `created`, `running`, `completed`, `failed` or `timeout`. */
  readonly status: string;
  /** The run that has it now. */
  readonly runId: string | null;
  readonly profileId: string | null;
  /** Where its browser is. */
  readonly page: string;
}

/** A Skyvern of your own: it keeps what it is told, until it is closed. */
export interface SkyvernEmulator extends AsyncDisposable {
  /** What a client takes as its base URL; without `/v1`, which belongs to the paths. */
  readonly url: string;
  /** The one key that is accepted. */
  readonly apiKey: string;
  /** Every request so far, in the order they came in. It holds no bodies and no keys. */
  readonly requests: readonly LoggedRequest[];
  /** Takes a request without a socket, and answers as the socket would: a dropped connection rejects like `fetch` does. */
  readonly fetch: (input: Request | string | URL, init?: RequestInit) => Promise<Response>;
  /** Puts a fault in the way of coming requests. {@link skyvernFaults} has those that the service is known for. */
  fail(rule: FaultRule): Fault;
  /** All sessions, oldest first. */
  sessions(): SkyvernSessionSummary[];
  /** What a profile holds; undefined when there never was such a profile. */
  profileState(profileId: string): ReadonlyMap<string, string> | undefined;
  /** Moves the emulator's clock: sessions time out, waiting runs start. */
  advance(ms: number): void;
  /**
   * Ends a session as its time would, or as a broken browser does: that leaves nothing to make a profile of.
   *
   * @throws Error when there is no such session.
   */
  endSession(sessionId: string, how: "timeout" | "failed"): void;
  /** Ends all runs and webhooks, and stops listening. Closing twice is closing once. */
  close(): Promise<void>;
}

/** An emulator without a socket; its {@link SkyvernEmulator.fetch} goes where a client takes a `fetch`. */
export function createSkyvernEmulator(options: SkyvernEmulatorOptions = {}): SkyvernEmulator {
  return new LocalSkyvern(options).emulator("http://localhost");
}

/**
 * An emulator that listens on 127.0.0.1.
 *
 * @param options.port 0, the default, takes a free one.
 * @throws the system's error when the port is taken.
 */
export async function startSkyvernEmulator(
  options: SkyvernEmulatorOptions & { readonly port?: number } = {},
): Promise<SkyvernEmulator> {
  const { port = 0, ...rest } = options;
  const local = new LocalSkyvern(rest);
  const listener = await listen(local.server, port);
  return local.emulator(listener.origin, listener);
}

class LocalSkyvern {
  readonly server: Server;
  readonly #cloud: SkyvernCloud;
  #closed = false;

  constructor(options: SkyvernEmulatorOptions) {
    const settings = settingsOf(options);
    const clock = new Clock(settings.now);
    const bucket = new Bucket(clock);
    this.#cloud = new SkyvernCloud(settings, clock, bucket, new Webhooks(settings));
    this.server = new Server(skyvern(this.#cloud, handlersOf(this.#cloud), new S3Front(bucket, clock)));
  }

  emulator(origin: string, listener?: Listener): SkyvernEmulator {
    const close = (): Promise<void> => this.#close(listener);
    return {
      url: origin,
      apiKey: this.#cloud.settings.apiKey,
      requests: this.server.log,
      fetch: fetchFrom(this.server, () => this.#closed),
      fail: (rule) => this.server.faults.add(rule),
      sessions: () => this.#swept().map(summary),
      profileState: (id) => this.#cloud.profiles.get(id)?.state,
      advance: (ms) => this.#advance(ms),
      endSession: (id, how) => this.#end(id, how),
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  #swept(): Session[] {
    this.#cloud.sweep();
    return [...this.#cloud.sessions.values()];
  }

  #advance(ms: number): void {
    this.#cloud.clock.advance(ms);
    this.#cloud.sweep();
  }

  #end(id: string, how: SessionEnd): void {
    const session = this.#cloud.sessions.get(id);
    if (!session) throw new Error(`the emulator has no session ${id}`);
    this.#cloud.end(session, how);
  }

  async #close(listener: Listener | undefined): Promise<void> {
    this.#closed = true;
    const webhooks = this.#cloud.webhooks.close();
    for (const work of this.#cloud.works()) work.drop();
    this.#cloud.clock.close();
    await webhooks;
    await listener?.close();
  }
}

function handlersOf(cloud: SkyvernCloud): Handlers {
  return {
    ...sessionHandlers(cloud),
    ...profileHandlers(cloud),
    ...taskHandlers(cloud),
    ...runHandlers(cloud),
    ...artifactHandlers(cloud),
    ...fileHandlers(cloud),
  };
}

function summary({ id, status, run, profileId, page }: Session): SkyvernSessionSummary {
  return { id, status, runId: run?.id ?? null, profileId, page };
}

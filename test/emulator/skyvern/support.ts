import { onTestFinished } from "vitest";
import {
  type SkyvernEmulator,
  type SkyvernEmulatorOptions,
  startSkyvernEmulator,
} from "../../../src/emulator/index.ts";
import type { Schema } from "../../../src/emulator/skyvern/operations.ts";
import { type Answer, until } from "../support.ts";

export type SessionView = Schema<"V1BrowserSession">;
export type ProfileView = Schema<"V1BrowserProfile">;
export type RunView = Schema<"V1TaskRun">;

export const MINUTE = 60_000;
export const DAY = 24 * 60 * MINUTE;

const FINAL = ["completed", "failed", "terminated", "timed_out", "canceled"];

/** A running emulator, and raw requests to it. */
export class Api {
  readonly emulator: SkyvernEmulator;

  constructor(emulator: SkyvernEmulator) {
    this.emulator = emulator;
  }

  async call<Body>(method: string, path: string, body?: unknown): Promise<Answer<Body>> {
    const headers: Record<string, string> = { "x-api-key": this.emulator.apiKey };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const init = { method, headers, body: body === undefined ? null : JSON.stringify(body) };
    const response = await fetch(this.emulator.url + path, init);
    const text = await response.text();
    const read = (text === "" ? undefined : JSON.parse(text)) as Body;
    return { status: response.status, headers: response.headers, body: read };
  }

  get<Body>(path: string): Promise<Answer<Body>> {
    return this.call("GET", path);
  }

  post<Body>(path: string, body?: unknown): Promise<Answer<Body>> {
    return this.call("POST", path, body);
  }

  async session(body?: object): Promise<SessionView> {
    return ok(await this.post<SessionView>("/v1/browser_sessions", body));
  }

  async readSession(id: string): Promise<SessionView> {
    return ok(await this.get<SessionView>(`/v1/browser_sessions/${id}`));
  }

  /** Opens a session and waits until it is ready. */
  async readySession(body?: object): Promise<SessionView> {
    const { browser_session_id: id } = await this.session(body);
    return until(
      () => this.readSession(id),
      ({ started_at: startedAt }) => startedAt !== null,
    );
  }

  close(id: string): Promise<Answer<unknown>> {
    return this.post(`/v1/browser_sessions/${id}/close`);
  }

  async profile(body: object): Promise<ProfileView> {
    return ok(await this.post<ProfileView>("/v1/browser_profiles", body));
  }

  /** Dispatches a task. */
  async task(body: object = {}): Promise<RunView> {
    return ok(await this.post<RunView>("/v1/run/tasks", { prompt: "test", ...body }));
  }

  async run(id: string): Promise<RunView> {
    return ok(await this.get<RunView>(`/v1/runs/${id}`));
  }

  /** Waits until a run has one of these statuses. */
  async runAs(id: string, ...statuses: string[]): Promise<RunView> {
    return until(
      () => this.run(id),
      ({ status }) => statuses.includes(status),
    );
  }

  /** Dispatches a task, and waits for its end. */
  async ended(body: object = {}): Promise<RunView> {
    return this.runAs((await this.task(body)).run_id, ...FINAL);
  }
}

/** Starts an emulator that is closed when the test ends, however it ends. */
export async function emulated(options: SkyvernEmulatorOptions = {}): Promise<Api> {
  const emulator = await startSkyvernEmulator(options);
  onTestFinished(() => emulator.close());
  return new Api(emulator);
}

function ok<Body>({ status, body }: Answer<Body>): Body {
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body;
}

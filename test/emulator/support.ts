import { onTestFinished } from "vitest";
import { type Emulator, type EmulatorOptions, startEmulator } from "../../src/emulator/index.ts";
import type { Schema } from "../../src/emulator/operations.ts";

/** An answer, read to its end. */
export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** The body of a refusal. */
export interface Refusal {
  readonly detail: string;
}

/** The body of a 422. */
export interface Invalid {
  readonly detail: readonly { loc: (string | number)[]; msg: string; type: string; input: unknown }[];
}

/** A running emulator, and raw requests to it. */
export class Api {
  readonly emulator: Emulator;

  constructor(emulator: Emulator) {
    this.emulator = emulator;
  }

  async call<Body>(method: string, path: string, body?: unknown): Promise<Answer<Body>> {
    const headers: Record<string, string> = { "X-Browser-Use-API-Key": this.emulator.apiKey };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const response = await fetch(this.emulator.url + path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === "" ? undefined : JSON.parse(text)) as Body,
    };
  }

  get<Body>(path: string): Promise<Answer<Body>> {
    return this.call("GET", path);
  }

  post<Body>(path: string, body?: unknown): Promise<Answer<Body>> {
    return this.call("POST", path, body);
  }

  patch<Body>(path: string, body?: unknown): Promise<Answer<Body>> {
    return this.call("PATCH", path, body);
  }

  delete<Body = Refusal>(path: string): Promise<Answer<Body>> {
    return this.call("DELETE", path);
  }

  async profile(body: unknown = {}): Promise<string> {
    return (await this.post<{ id: string }>("/v2/profiles", body)).body.id;
  }

  async sessionV2(body: unknown = {}): Promise<string> {
    return (await this.post<{ id: string }>("/v2/sessions", body)).body.id;
  }

  async taskV2(body: object): Promise<{ id: string; sessionId: string }> {
    return (await this.post<{ id: string; sessionId: string }>("/v2/tasks", { task: "test", ...body })).body;
  }

  async endedTask(id: string): Promise<Schema<"V2TaskView">> {
    return until(
      async () => (await this.get<Schema<"V2TaskView">>(`/v2/tasks/${id}`)).body,
      ({ status }) => ["finished", "failed", "stopped"].includes(status),
    );
  }

  /** Opens a v3 session and waits until it is idle. */
  async idleV3(body: object = {}): Promise<string> {
    const { id } = (await this.post<{ id: string }>("/v3/sessions", body)).body;
    await this.statusV3(id, "idle");
    return id;
  }

  async v3(id: string): Promise<Schema<"V3SessionResponse">> {
    return (await this.get<Schema<"V3SessionResponse">>(`/v3/sessions/${id}`)).body;
  }

  async statusV3(id: string, ...statuses: string[]): Promise<Schema<"V3SessionResponse">> {
    return until(
      () => this.v3(id),
      ({ status }) => statuses.includes(status),
    );
  }

  async workspace(): Promise<string> {
    return (await this.post<{ id: string }>("/v3/workspaces", {})).body.id;
  }

  /** Asks for a link to upload one file by. */
  async invite(
    workspaceId: string,
    file: object,
    prefix = "",
  ): Promise<{ name: string; path: string; uploadUrl: string }> {
    const path = `/v3/workspaces/${workspaceId}/files/upload?prefix=${encodeURIComponent(prefix)}`;
    const { status, body } = await this.post<Schema<"V3FileUploadResponse">>(path, { files: [file] });
    const [item] = body.files;
    if (status !== 200 || !item) throw new Error(`${status} ${JSON.stringify(body)}`);
    return item;
  }

  /** Uploads a text to a workspace, and gives back its path. */
  async uploadV3(workspaceId: string, name: string, text: string, prefix = ""): Promise<string> {
    const { path, uploadUrl } = await this.invite(workspaceId, { name, size: Buffer.byteLength(text) }, prefix);
    const headers = { "Content-Type": "application/octet-stream" };
    const { status } = await fetch(uploadUrl, { method: "PUT", headers, body: text });
    if (status !== 200) throw new Error(`the upload of ${name} was answered with ${status}`);
    return path;
  }

  /** One page of the files of a workspace. */
  async filesV3(workspaceId: string, query: Record<string, string> = {}): Promise<Schema<"V3FileListResponse">> {
    const path = `/v3/workspaces/${workspaceId}/files?${new URLSearchParams(query)}`;
    return (await this.get<Schema<"V3FileListResponse">>(path)).body;
  }

  async messagesV3(id: string, query = "limit=100"): Promise<Schema<"V3MessageListResponse">> {
    return (await this.get<Schema<"V3MessageListResponse">>(`/v3/sessions/${id}/messages?${query}`)).body;
  }
}

/** Starts an emulator that is closed when the test ends, however it ends. */
export async function emulated(options: EmulatorOptions = {}): Promise<Api> {
  const emulator = await startEmulator(options);
  onTestFinished(() => emulator.close());
  return new Api(emulator);
}

/** What the storage service answered: its status, and the code in its XML. */
export async function outcome(response: Response): Promise<string> {
  const code = /<Code>(\w+)<\/Code>/.exec(await response.text())?.[1];
  return code === undefined ? String(response.status) : `${response.status} ${code}`;
}

/** Asks until an answer is good, for at most three seconds. */
export async function until<Value>(ask: () => Promise<Value>, good: (value: Value) => boolean): Promise<Value> {
  const deadline = Date.now() + 3_000;
  for (;;) {
    const value = await ask();
    if (good(value)) return value;
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

/** An agent that waits until the test lets it go on. */
export function gate<Value = void>(): { promise: Promise<Value>; open: (value: Value) => void } {
  let open: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

export const MISSING = "00000000-0000-4000-8000-000000000000";
export const MINUTE = 60_000;

import type { Schema } from "../../../src/emulator/operations.ts";
import { type Answer, type Api, until } from "../support.ts";

export type Run = Schema<"V4RunSummary">;
export type Created = Schema<"V4RunCreateResponse">;
export type Session = Schema<"V4SessionInfo">;
export type Message = Schema<"V4QueuedMessage">;
export type Upload = Schema<"V4WorkspaceFileUploadResponseItem">;
type Browser = Schema<"V4BrowserSessionView">;

/** What v4 has, asked for by raw requests. */
export class ApiV4 {
  readonly api: Api;

  constructor(api: Api) {
    this.api = api;
  }

  create<Body = Created>(body: object = {}): Promise<Answer<Body>> {
    return this.api.post<Body>("/v4/runs", { task: "test", ...body });
  }

  async run(id: string): Promise<Run> {
    return (await this.api.get<Run>(`/v4/runs/${id}`)).body;
  }

  /** Waits for a run to have one of these statuses; for its end when none is named. */
  async reached(id: string, ...statuses: string[]): Promise<Run> {
    const wanted = statuses.length > 0 ? statuses : ["completed", "failed", "cancelled"];
    return until(
      () => this.run(id),
      ({ status }) => wanted.includes(status),
    );
  }

  /** Starts a run and waits for its end. */
  async ended(body: object = {}): Promise<Run> {
    return this.reached((await this.create(body)).body.id);
  }

  async cancel(id: string): Promise<Run> {
    return (await this.api.post<Run>(`/v4/runs/${id}/cancel`)).body;
  }

  async session(id: string): Promise<Session> {
    return (await this.api.get<Session>(`/v4/sessions/${id}`)).body;
  }

  send<Body = Message>(sessionId: string, text: string, more: object = {}): Promise<Answer<Body>> {
    return this.api.post<Body>(`/v4/sessions/${sessionId}/queue`, { text, ...more });
  }

  async queue(sessionId: string): Promise<string[]> {
    const { body } = await this.api.get<Schema<"V4QueueListResponse">>(`/v4/sessions/${sessionId}/queue`);
    return body.queue.map(({ text }) => text);
  }

  /** The tasks of a session, oldest first, each with its status. */
  async turns(sessionId: string): Promise<string[]> {
    const { body } = await this.api.get<Schema<"V4RunListResponse">>(`/v4/runs?sessionId=${sessionId}`);
    return body.runs.reverse().map(({ task, status }) => `${task}: ${status}`);
  }

  /** The browsers of a session, the newest first. */
  async browsers(sessionId: string, version = "v4"): Promise<Browser[]> {
    const path = `/${version}/browsers?agentSessionId=${sessionId}`;
    return (await this.api.get<{ items: Browser[] }>(path)).body.items;
  }

  stop(browserId: string | undefined, version = "v4"): Promise<Answer<Browser>> {
    return this.api.patch<Browser>(`/${version}/browsers/${browserId}`, { action: "stop" });
  }

  /** Asks for a link to upload one file by. */
  async invite(workspaceId: string, file: object): Promise<Upload> {
    const path = `/v4/workspaces/${workspaceId}/files/upload`;
    const { status, body } = await this.api.post<Schema<"V4WorkspaceFileUploadResponse">>(path, { files: [file] });
    const [item] = body.files ?? [];
    if (status !== 200 || !item) throw new Error(`${status} ${JSON.stringify(body)}`);
    return item;
  }

  /** Uploads a text, and gives back what the service has told of it. */
  async upload(workspaceId: string, name: string, text: string): Promise<Upload> {
    const item = await this.invite(workspaceId, { name, size: Buffer.byteLength(text) });
    const { status } = await put(item.uploadUrl, text);
    if (status !== 200) throw new Error(`the upload of ${name} was answered with ${status}`);
    return item;
  }
}

/** Sends a text to a link. */
export function put(url: string, text: string, type = "application/octet-stream"): Promise<Response> {
  return fetch(url, { method: "PUT", headers: { "Content-Type": type }, body: text });
}

/** An agent that is never done. */
export const never = (): Promise<never> => new Promise(() => undefined);

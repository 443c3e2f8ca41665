// Compiled, never run: requests may leave out what has a default, and answers always have it.
import type { components } from "../../src/generated/api.ts";

type Schemas = components["schemas"];

export const v2Task: Schemas["V2CreateTaskRequest"] = { task: "Read the order status" };
export const v2Session: Schemas["V2CreateSessionRequest"] = {};
export const v3Run: Schemas["V3RunTaskRequest"] = {};
export const browser: Schemas["V3CreateBrowserSessionRequest"] = { proxyCountryCode: null };
export const upload: Schemas["V3FileUploadRequest"] = { files: [{ name: "data.csv" }] };

export function v3Always(view: Schemas["V3SessionResponse"]): [number, string[], string] {
  return [view.stepCount, view.recordingUrls, view.totalCostUsd];
}

export function v2Always(view: Schemas["V2SessionView"]): [boolean, string] {
  return [view.keepAlive, view.proxyCost];
}

export function errorAlways(body: Schemas["V2SessionStoppedError"]): string {
  return body.detail;
}

// The canaries: were everything optional, or everything required, these would not fail.

// @ts-expect-error A task has no default, so a request needs it.
export const withoutTask: Schemas["V2CreateTaskRequest"] = {};

export function canary(view: Schemas["V3SessionResponse"]): string | null {
  // @ts-expect-error A title has no default, so an answer may lack it.
  return view.title;
}

export function unknownModel(): Schemas["V3BuModel"] {
  // @ts-expect-error The generated lists are closed; where one may grow, the facade opens it.
  return "a-model-of-tomorrow";
}

import { Skyvern, type SkyvernOptions } from "../../src/skyvern.ts";
import { Service } from "../support/service.ts";
import { closed, session, taskRun } from "./views.ts";

export const KEY = "sky_test-key_0123456789abcdef";
export const CREATE = "POST /v1/browser_sessions";
export const LIST = "GET /v1/browser_sessions";
export const LOOK = "GET /v1/browser_sessions/pbs_1";
export const CLOSE = "POST /v1/browser_sessions/pbs_1/close";
export const DISPATCH = "POST /v1/run/tasks";
export const RUN = "GET /v1/runs/tsk_1";
export const CANCEL = "POST /v1/runs/tsk_1/cancel";
export const RUNS = "GET /v1/runs";

/** A client of a service that plays what it is told to. */
export function clientOf(on: Service, options: SkyvernOptions = {}): Skyvern {
  return new Skyvern({ apiKey: KEY, baseUrl: "https://cloud.test", fetch: on.fetch, ...options });
}

/** A service with one session, in which tasks are completed at once. */
export function service(): Service {
  return new Service()
    .on(CREATE, session())
    .on(LOOK, session())
    .on(CLOSE, { message: "Browser session closed" })
    .on(DISPATCH, taskRun({ status: "created", output: null }))
    .on(RUN, taskRun())
    .on(CANCEL, () => new Response("null"));
}

/** The same, with a session that has ended once it was asked to. */
export function closing(on: Service = service()): Service {
  return on.on(CLOSE, () => {
    on.on(LOOK, closed());
    return { message: "Browser session closed" };
  });
}

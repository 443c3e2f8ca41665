import type { BrowserUse, Ok } from "../../src/index.ts";
import { same } from "./equal.ts";

declare const browserUse: BrowserUse;
const { api } = browserUse;

export async function answers(id: string) {
  const { data, response } = await api.GET("/v3/sessions/{session_id}", { params: { path: { session_id: id } } });
  same<typeof data, Ok<"/v3/sessions/{session_id}", "get">>();
  same<typeof response, Response>();
  data.status satisfies string;
  data.stepCount satisfies number;
  const created = await api.POST("/v2/sessions", { body: {} });
  same<(typeof created)["data"], Ok<"/v2/sessions", "post">>();
  const deleted = await api.DELETE("/v3/profiles/{profile_id}", { params: { path: { profile_id: id } } });
  same<(typeof deleted)["data"], undefined>();
  const account = await api.GET("/v3/billing/account");
  account.data.rateLimit satisfies number;
}

// No answer is perhaps undefined: what is no success is thrown.
type MaybeUndefined<T> = undefined extends T ? true : false;
same<MaybeUndefined<Ok<"/v3/sessions", "post">>, false>();
same<MaybeUndefined<Ok<"/v2/tasks", "post">>, false>();
same<MaybeUndefined<Ok<"/v3/profiles/{profile_id}", "delete">>, true>();

export async function requests() {
  await api.GET("/v2/tasks", { params: { query: { sessionId: "s1", pageSize: 5 } }, maxRetries: 0, timeoutMs: 1 });
  await api.POST("/v3/sessions", { body: { proxyCountryCode: null } });
  // @ts-expect-error: no such path
  await api.GET("/v2/nothing");
  // @ts-expect-error: the version is part of the path
  await api.GET("/sessions");
  // @ts-expect-error: no such method there
  await api.DELETE("/v2/tasks");
  // @ts-expect-error: the path has an id
  await api.GET("/v2/tasks/{task_id}");
  // @ts-expect-error: the id has another name
  await api.GET("/v2/tasks/{task_id}", { params: { path: { id: "t1" } } });
  // @ts-expect-error: a task is required
  await api.POST("/v2/tasks", { body: {} });
  // @ts-expect-error: a number of steps is a number
  await api.POST("/v2/tasks", { body: { task: "Go", maxSteps: "3" } });
  // @ts-expect-error: no such query
  await api.GET("/v2/tasks", { params: { query: { page: 1 } } });
  // @ts-expect-error: another base URL would get the key
  await api.GET("/v2/tasks", { baseUrl: "https://elsewhere.test" });
  // @ts-expect-error: another fetch would get round the limits
  await api.GET("/v2/tasks", { fetch });
}

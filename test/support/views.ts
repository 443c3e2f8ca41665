import type { BrowserView, Profile, V2SessionView, V2Task, V3Message, V3View } from "../../src/index.ts";
import type { Reply, Sent } from "./service.ts";

/** A session of v2. */
export function v2Session(changes: Partial<V2SessionView> = {}): V2SessionView {
  return {
    id: "s1",
    status: "active",
    startedAt: "2026-03-01T10:00:00",
    finishedAt: null,
    liveUrl: "https://live.test/s1",
    recordingUrl: null,
    persistMemory: true,
    keepAlive: true,
    proxyUsedMb: "0",
    proxyCost: "0",
    ...changes,
  };
}

/** A task of v2. */
export function v2Task(changes: Partial<V2Task> = {}): V2Task {
  return {
    id: "t1",
    sessionId: "s1",
    llm: "browser-use-2.0",
    task: "Read the total",
    status: "finished",
    createdAt: "2026-03-01T10:00:00",
    startedAt: "2026-03-01T10:00:01",
    finishedAt: "2026-03-01T10:00:31",
    metadata: {},
    steps: [],
    output: "42 EUR",
    outputFiles: [],
    isSuccess: true,
    cost: "0.0123",
    ...changes,
  };
}

/** A step of a v2 task. */
export function v2Step(number: number): V2Task["steps"][number] {
  return {
    number,
    memory: "",
    evaluationPreviousGoal: "",
    nextGoal: `Goal ${number}`,
    url: `https://shop.test/${number}`,
    screenshotUrl: null,
    actions: [],
  };
}

/** A session of v3. */
export function v3View(changes: Partial<V3View> = {}): V3View {
  return {
    id: "s1",
    status: "idle",
    model: "bu-max",
    title: null,
    output: null,
    outputSchema: null,
    stepCount: 0,
    lastStepSummary: null,
    isTaskSuccessful: null,
    liveUrl: "https://live.test/s1",
    recordingUrls: [],
    profileId: null,
    workspaceId: null,
    proxyCountryCode: "us",
    maxCostUsd: null,
    totalInputTokens: 0,
    totalOutputTokens: 0,
    proxyUsedMb: "0",
    llmCostUsd: "0",
    proxyCostUsd: "0",
    browserCostUsd: "0",
    totalCostUsd: "0",
    screenshotUrl: null,
    agentmailEmail: null,
    createdAt: "2026-03-01T10:00:00Z",
    updatedAt: "2026-03-01T10:00:00Z",
    ...changes,
  };
}

/** A message of a v3 session. */
export function message(id: string, role: string, changes: Partial<V3Message> = {}): V3Message {
  return {
    id,
    sessionId: "s1",
    role,
    data: `data of ${id}`,
    type: "",
    summary: `summary of ${id}`,
    screenshotUrl: null,
    hidden: false,
    createdAt: "2026-03-01T10:00:05Z",
    ...changes,
  };
}

/**
 * The messages of a session as the service pages them. `anchor` says where a page without a cursor begins, which is not documented.
 */
export function conversation(messages: () => readonly V3Message[], anchor: "oldest" | "newest" = "oldest"): Reply {
  return ({ query }: Sent) => {
    const all = messages();
    const limit = Number(query["limit"] ?? 10);
    const place = (id: string | undefined) => all.findIndex((item) => item.id === id);
    if (query["after"]) return page(all.slice(place(query["after"]) + 1), limit, "first");
    if (query["before"]) return page(all.slice(0, place(query["before"])), limit, "last");
    return page(all, limit, anchor === "oldest" ? "first" : "last");
  };
}

function page(messages: readonly V3Message[], limit: number, which: "first" | "last"): object {
  const hasMore = messages.length > limit;
  return { messages: which === "first" ? messages.slice(0, limit) : messages.slice(-limit), hasMore };
}

/** A profile. */
export function profile(id: string, changes: Partial<Profile> = {}): Profile {
  return {
    id,
    name: null,
    userId: null,
    lastUsedAt: null,
    createdAt: "2026-03-01T10:00:00Z",
    updatedAt: "2026-03-01T10:00:00Z",
    cookieDomains: null,
    ...changes,
  };
}

/** A bare browser. */
export function browser(changes: Partial<BrowserView> = {}): BrowserView {
  return {
    id: "b1",
    status: "active",
    liveUrl: "https://live.test/b1",
    cdpUrl: "wss://cdp.test/b1",
    timeoutAt: "2026-03-01T11:00:00Z",
    startedAt: "2026-03-01T10:00:00Z",
    finishedAt: null,
    proxyUsedMb: "0",
    proxyCost: "0",
    browserCost: "0",
    agentSessionId: null,
    recordingUrl: null,
    metadata: {},
    ...changes,
  };
}

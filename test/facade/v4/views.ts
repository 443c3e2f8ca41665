import type { V4Event, V4RunView } from "../../../src/index.ts";

/** A run that has ended with an answer. */
export function v4Run(changes: Partial<V4RunView> = {}): V4RunView {
  return {
    id: "r1",
    sessionId: "s1",
    workspaceId: "w1",
    task: "Read the total",
    title: null,
    model: "minimax-m3",
    contextLimit: 200_000,
    status: "completed",
    result: "42 EUR",
    error: null,
    attachedFileIds: null,
    judgement: null,
    totalInputTokens: 900,
    totalOutputTokens: 80,
    totalCostUsd: "0.0123",
    createdAt: "2026-03-01T10:00:00Z",
    updatedAt: "2026-03-01T10:00:31Z",
    ...changes,
  };
}

/** What the service answers when it takes a run. */
export function started(changes: object = {}): object {
  return {
    id: "r1",
    sessionId: "s1",
    workspaceId: "w1",
    model: "minimax-m3",
    status: "queued",
    eventsUrl: "/v4/runs/r1/events",
    ...changes,
  };
}

/** An event of a run. */
export function event(id: number, data: Record<string, unknown> = { summary: `step ${id}` }): V4Event {
  return { id, runId: "r1", type: "a.type", ts: "2026-03-01T10:00:05Z", data };
}

/** A page of events. */
export function events(items: readonly V4Event[], more: object = {}): object {
  return { events: items, hasMore: false, nextAfter: items.at(-1)?.id ?? null, ...more };
}

/** The browser that an agent works with. */
export function agentBrowser(changes: object = {}): object {
  return { id: "b1", status: "active", agentSessionId: "s1", metadata: {}, ...changes };
}

/** A page of browsers. */
export function browsers(...items: readonly object[]): object {
  return { items, totalItems: items.length, pageNumber: 1, pageSize: 100 };
}

/** Operations of the run and the session of these views. */
export const CREATE = "POST /v4/runs";
export const STATUS = "GET /v4/runs/r1/status";
export const RUN = "GET /v4/runs/r1";
export const EVENTS = "GET /v4/runs/r1/events";
export const CANCEL = "POST /v4/runs/r1/cancel";
export const BROWSERS = "GET /v4/browsers";
export const STOP_BROWSER = "PATCH /v4/browsers/b1";

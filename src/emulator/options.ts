import type { ApiVersion } from "./clock.ts";
import type { BodyOf } from "./operations.ts";
import { checkWebhook, type WebhookOptions } from "./webhooks.ts";

/** How an emulator behaves. Every option has a default. */
export interface EmulatorOptions {
  /** The one key that is accepted. Default: `bu_emulator_key`. */
  readonly apiKey?: string;
  /**
   * Plays the agent: called once per task, its return value is the output, and what it throws fails the task. Without it a small
   * deterministic agent answers, which says that it is the emulator.
   */
  readonly onTask?: (job: TaskJob) => unknown;
  /** How many sessions and browsers, of all kinds together, may be open at once. Default: 10. */
  readonly maxSessions?: number;
  /** How long a session stays `created`, a run `queued` and `dispatching`, and a dispatched task waits before it starts, in milliseconds. Default: 20. */
  readonly startDelayMs?: number;
  /** After how long without a task an agent session, or the browser of a v4 session, times out, in milliseconds. Default: 15 minutes. */
  readonly inactivityTimeoutMs?: number;
  /** Milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
  /** How long every answer is held back, in milliseconds. Default: 0. */
  readonly latencyMs?: number;
  /** Whether the project keeps no data, which is what allows purging sessions and shuts it out of v4. Default: false. */
  readonly zeroDataRetention?: boolean;
  /**
   * Where a signed event is sent whenever a v2 task (`started`, then `finished`, `failed` or `stopped`) or a v3 session (`idle`, `running`
   * or `stopped`) has another status. Default: nowhere.
   */
  readonly webhook?: WebhookOptions;
}

/** Options with every default filled in. */
export type Settings = Readonly<Required<Omit<EmulatorOptions, Optional>> & Pick<EmulatorOptions, Optional>>;

type Optional = "onTask" | "webhook";

/** One task, as the agent that plays it sees it. */
export interface TaskJob {
  readonly task: string;
  readonly apiVersion: ApiVersion;
  readonly sessionId: string;
  /** Only in v2: in v3 a run has no id of its own. */
  readonly taskId?: string;
  /** Only in v4. */
  readonly runId?: string;
  /**
   * In v2 what was uploaded to the session before the task was dispatched, by the file name the server gave. In v3 and v4 what the
   * session's workspace holds at the moment it is read, by path; in v3 empty without a workspace.
   */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /**
   * Stands in for cookies and local storage, and lasts as long as the session, in v4 as its browser. It starts as a copy of what the profile
   * holds, and goes back to the profile when the session, or in v4 the browser, is stopped. The part of a key before its first `/` counts as the cookie's domain.
   */
  readonly state: Map<string, string>;
  /** The body of the request that dispatched the task. A message of v4's queue has become one. */
  readonly request:
    | BodyOf<"v2_create_task_tasks_post">
    | BodyOf<"v3_create_session_sessions_post">
    | BodyOf<"v4_create_run_runs_post">;
  /** Aborted when the task, its session or its browser is stopped, or runs out of time or money. */
  readonly signal: AbortSignal;
  /**
   * What is reported beside the output; in v4 only a judge does. Set it to false for "an answer, but the task did not succeed". Default: true.
   */
  success: boolean;
  /**
   * Records a step (v2), an agent's message (v3) or an event of type `step` (v4).
   *
   * @throws `signal.reason` when the task is over.
   */
  step(step: AgentStep): Promise<void>;
  /**
   * Leaves a file: among the task's output files in v2, in the session's workspace in v3 and v4. A file of the same name is replaced.
   *
   * @param name may have folders in it: `reports/may.csv`.
   * @param type its media type. Default: `application/octet-stream`.
   * @throws TypeError for a name that no file can have.
   * @throws Error in v3 and v4 when the session has no workspace, or one that was deleted.
   * @throws `signal.reason` when the task is over.
   */
  write(name: string, data: string | Uint8Array, type?: string): Promise<void>;
}

/** One step of an agent. */
export interface AgentStep {
  readonly summary: string;
  readonly url?: string;
}

const DEFAULTS: Settings = {
  apiKey: "bu_emulator_key",
  maxSessions: 10,
  startDelayMs: 20,
  inactivityTimeoutMs: 15 * 60_000,
  now: () => Date.now(),
  latencyMs: 0,
  zeroDataRetention: false,
};

/**
 * Fills in the defaults.
 *
 * @throws RangeError for a number that cannot be meant.
 * @throws TypeError for a webhook that cannot be meant.
 */
export function settingsOf(options: EmulatorOptions): Settings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const settings: Settings = { ...DEFAULTS, ...given };
  for (const name of ["maxSessions", "startDelayMs", "inactivityTimeoutMs", "latencyMs"] as const) {
    if (!(settings[name] >= 0)) throw new RangeError(`${name} must be 0 or more, not ${settings[name]}`);
  }
  if (settings.webhook) checkWebhook(settings.webhook);
  return settings;
}

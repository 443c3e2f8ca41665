import type { AgentStep } from "../options.ts";
import type { WebhookForm } from "../webhook-json.ts";
import type { BodyOf } from "./operations.ts";

/** How a Skyvern emulator behaves. Every option has a default. */
export interface SkyvernEmulatorOptions {
  /** The one key that is accepted. Default: `skyvern_emulator_key`. */
  readonly apiKey?: string;
  /**
   * Plays the agent: called once per run, its return value is the output, and what it throws fails the run. Without it a small
   * deterministic agent answers, which says that it is the emulator.
   */
  readonly onTask?: (task: SkyvernTask) => unknown;
  /** How many sessions may be open at once. Default: as many as you like. */
  readonly maxSessions?: number;
  /** What a session's `timeout` is capped to, in minutes, with a `warning`. Default: 240. */
  readonly maxTimeoutMinutes?: number;
  /** How long a session stays `created`, in milliseconds. `Infinity`: until its first task, as on a server of one's own. Default: 20. */
  readonly startMs?: number;
  /** How long a run stays `created`, and then `queued`, in milliseconds. Default: 10. */
  readonly queueMs?: number;
  /** How long after a session's end no profile can be made of it, in milliseconds. Default: 50. */
  readonly archiveMs?: number;
  /** Whether a session gives its state back to the profile it began with, which the vendor's documents and source disagree on. Default: false. */
  readonly writesProfilesBack?: boolean;
  /** Whether what does not exist is a 404 without a body. Default: false, a 404 with a `detail`. */
  readonly emptyNotFound?: boolean;
  /** Whether a cancelled run of the default engine becomes `completed` when its agent answers all the same. Default: false. */
  readonly completesAfterCancel?: boolean;
  /** What an uploaded file may have, in bytes. Default: 10 MiB. */
  readonly maxUploadBytes?: number;
  /** How the JSON of a webhook is written: `python` escapes what is not ASCII, `javascript` does not. Default: `javascript`. */
  readonly webhookForm?: WebhookForm;
  /** Milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
  /** How long every answer is held back, in milliseconds. Default: 0. */
  readonly latencyMs?: number;
}

/** Options with every default filled in. */
export type Settings = Readonly<
  Required<Omit<SkyvernEmulatorOptions, "onTask">> & Pick<SkyvernEmulatorOptions, "onTask">
>;

/** One run of a task, as the agent that plays it sees it. */
export interface SkyvernTask {
  readonly prompt: string;
  /** What the request asked to begin with. Null: nothing was said. */
  readonly url: string | null;
  readonly engine: string;
  readonly runId: string;
  /** The session it works in; null when the run has a browser of its own. */
  readonly session: { readonly id: string; readonly profileId: string | null } | null;
  /** Stands in for cookies and local storage, and lasts as long as the browser. It starts as a copy of what the profile holds. */
  readonly state: Map<string, string>;
  /** The body of the request, with the defaults of the spec. */
  readonly request: BodyOf<"v1_run_task">;
  /** Aborted when the run is cancelled, or its session ends. */
  readonly signal: AbortSignal;
  /**
   * Where the browser is; set it to go elsewhere. A run with a `url` begins there. Without one, `skyvern-2.0` begins where the session
   * is, and every other engine at a page that it made up: what was open is gone.
   */
  page: string;
  /** How the run ends when the agent returns. Default: `completed`. */
  status: "completed" | "failed" | "terminated" | "timed_out";
  /** What the run says about its end. Default: null. */
  failureReason: string | null;
  /**
   * Records a step, and goes to its `url` when it has one. More steps than the request's `max_steps` fail the run.
   *
   * @throws `signal.reason` when the run is over.
   */
  step(step: AgentStep): Promise<void>;
  /**
   * Leaves an artifact, of a type such as `screenshot_final`.
   *
   * @param type its media type. Default: `application/octet-stream`.
   * @throws `signal.reason` when the run is over.
   */
  write(artifactType: string, data: string | Uint8Array, type?: string): Promise<void>;
  /**
   * Downloads a file: it is listed by the run, and by its session.
   *
   * @throws `signal.reason` when the run is over.
   */
  download(fileName: string, data: string | Uint8Array, type?: string): Promise<void>;
  /** Shows the run as `paused`, which nothing ends but {@link SkyvernTask.resume}, a cancel, or the agent's return. */
  pause(): void;
  /** Shows the run as `running` again. */
  resume(): void;
}

const DEFAULTS: Settings = {
  apiKey: "skyvern_emulator_key",
  maxSessions: Number.POSITIVE_INFINITY,
  maxTimeoutMinutes: 240,
  startMs: 20,
  queueMs: 10,
  archiveMs: 50,
  writesProfilesBack: false,
  emptyNotFound: false,
  completesAfterCancel: false,
  maxUploadBytes: 10 * 1024 * 1024,
  webhookForm: "javascript",
  now: () => Date.now(),
  latencyMs: 0,
};

const NUMBERS = [
  "maxSessions",
  "maxTimeoutMinutes",
  "startMs",
  "queueMs",
  "archiveMs",
  "maxUploadBytes",
  "latencyMs",
] as const;

/**
 * Fills in the defaults.
 *
 * @throws RangeError for a number that cannot be meant.
 */
export function settingsOf(options: SkyvernEmulatorOptions): Settings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const settings: Settings = { ...DEFAULTS, ...given };
  for (const name of NUMBERS) {
    if (!(settings[name] >= 0)) throw new RangeError(`${name} must be 0 or more, not ${settings[name]}`);
  }
  return settings;
}

import type { ErrorCode } from "./errors.ts";
import type { OpenFailure } from "./pool/session-port.ts";
import type { Open } from "./types.ts";
import type { ApiVersion } from "./versions.ts";

/** What is opened, and must be stopped. */
export type LiveKind = Open<"v2.session" | "v3.session" | "v4.run" | "browser">;

/** Which run an event tells of. On v3 both ids are the session's. */
interface OfRun {
  readonly apiVersion: Open<ApiVersion>;
  readonly runId: string;
  /** Undefined while it is not known. */
  readonly sessionId: string | undefined;
}

/**
 * What a client tells of itself. Plain data, which may be logged as it is: no key, no task, no answer, no URL, no error of the service's
 * wording is in it. A pool has events of its own, `PoolEvent`.
 */
export type ClientEvent =
  /**
   * A call, or a transfer of a file, will be sent again. `attempt`: which one failed, from 1. `status`: what it was answered with; undefined
   * when there was no answer, and `fault` says why: `timeout`, or the code of the runtime.
   */
  | {
      readonly type: "retry";
      readonly operation: string;
      readonly attempt: number;
      readonly delayMs: number;
      readonly status: number | undefined;
      readonly fault: string | undefined;
    }
  /** One look at the runs of one version that are waited for: how many there are, what the look has cost, and when the next one is due. */
  | {
      readonly type: "polled";
      readonly apiVersion: Open<ApiVersion>;
      readonly runs: number;
      readonly requests: number;
      readonly nextPollMs: number | undefined;
    }
  /** A run was seen to have ended: once for each `Run`, however many wait for it. */
  | (OfRun & {
      readonly type: "ended";
      readonly status: string;
      readonly success: boolean | null;
      readonly costUsd: number | null;
    })
  /**
   * A wait for a run is over. `answered`: with an answer; `unanswered`: the run ended without one; `timeout`, `aborted`: the run goes on;
   * `failed`: it could not be waited for.
   */
  | (OfRun & {
      readonly type: "waited";
      readonly waitedMs: number;
      readonly outcome: "answered" | "unanswered" | "timeout" | "aborted" | "failed";
    })
  | { readonly type: "opened"; readonly kind: LiveKind; readonly sessionId: string; readonly tookMs: number }
  /** `unknown`: a session may have been opened all the same. `code`: of the error, when it is one of ours. */
  | {
      readonly type: "openFailed";
      readonly kind: LiveKind;
      readonly failure: OpenFailure;
      readonly code: ErrorCode | undefined;
    }
  /** The end of what this client has opened was seen, whoever stopped it. */
  | { readonly type: "stopped"; readonly kind: LiveKind; readonly sessionId: string; readonly livedMs: number }
  /** A stop was not confirmed: it may still cost money. `code`: why. */
  | {
      readonly type: "stopFailed";
      readonly kind: LiveKind;
      readonly sessionId: string;
      readonly code: ErrorCode | undefined;
    };

/** Tells the client's listener. Left out when there is none: `emit?.(…)` costs nothing then. */
export type Emit = (event: ClientEvent) => void;

/** What tells a listener, whose mistakes harm nobody: it is called, and neither waited for nor heard. */
export function emitter(listener: ((event: ClientEvent) => unknown) | undefined): Emit | undefined {
  if (!listener) return undefined;
  return (event) => {
    try {
      Promise.resolve(listener(event)).catch(() => {});
    } catch {
      // What watches the work must not stop it.
    }
  };
}

import type { Claim } from "./lease-store.ts";
import type { OpenFailure } from "./session-port.ts";

/** What a pool tells of itself. It holds no secret: keys are never in it. */
export type PoolEvent =
  | { readonly type: "opened"; readonly sessionId: string; readonly fence: number; readonly tookMs: number }
  /** `full`: the service refused although there was room, so that others use the project. `unknown`: a session may have been opened. */
  | { readonly type: "openFailed"; readonly failure: OpenFailure; readonly error: unknown }
  | { readonly type: "reused"; readonly sessionId: string; readonly fence: number; readonly uses: number }
  | { readonly type: "released"; readonly sessionId: string; readonly to: "idle" | "stop" }
  /** A session was found to be over, or at work for somebody else, before it was lent. */
  | { readonly type: "unusable"; readonly sessionId: string; readonly phase: "closed" | "busy" }
  | { readonly type: "stopped"; readonly sessionId: string; readonly why: Claim["why"] | "stray" | "lost" }
  /** It will be tried again, by whichever process comes first. */
  | { readonly type: "stopFailed"; readonly sessionId: string; readonly error: unknown }
  /** A lease of this pool is over before it was released; its session is stopped. */
  | { readonly type: "lost"; readonly sessionId: string; readonly error: unknown }
  /** An opening, here or in a process that is gone, came to no end in time. */
  | { readonly type: "unknown"; readonly slot: string }
  /** A live session on nobody's record. `stopped`: it was ours to stop. */
  | { readonly type: "stray"; readonly sessionId: string; readonly stopped: boolean }
  /** A lease is held for suspiciously long. `stack`: where it was acquired. */
  | { readonly type: "leak"; readonly sessionId: string; readonly heldMs: number; readonly stack: string | undefined }
  | { readonly type: "storeFailed"; readonly error: unknown }
  /** A round of cleaning up came to no end; the next one tries again. */
  | { readonly type: "cleanUpFailed"; readonly error: unknown };

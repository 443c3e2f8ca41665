import type { Api } from "./call/api.ts";
import type { Transport } from "./call/transport.ts";
import type { Emit } from "./events.ts";
import type { Files } from "./files/files.ts";
import type { ReportLeak } from "./live.ts";
import type { Living } from "./living.ts";
import type { SharedStores } from "./pool/session-port.ts";
import type { ProfileGuard } from "./profile-guard.ts";
import type { Watcher } from "./runs/watcher.ts";

/** What the resources of one client share. */
export interface Context {
  readonly api: Api;
  readonly files: Files;
  /** For files: their addresses are the service's, their bytes are not. */
  readonly transport: Transport;
  readonly guard: ProfileGuard;
  readonly living: Living;
  readonly watcher: Watcher;
  readonly reportLeak: ReportLeak;
  /** Tells the client's `onEvent`: `emit?.({ … })`. Undefined when nobody listens. */
  readonly emit: Emit | undefined;
  /** What the pools of this client have in common, and `profiles.ensure` with them. */
  readonly shared: SharedStores;
  /** Default cost limit of v3 and v4 runs, in USD. */
  readonly maxCostUsd: number | string | undefined;
  /** Whether a task without a limit is refused. */
  readonly requireMaxCostUsd: boolean;
}

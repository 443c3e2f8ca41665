import type { Api } from "./api.ts";
import type { Files } from "./files.ts";
import type { ReportLeak } from "./live.ts";
import type { SharedStores } from "./pool/session-port.ts";
import type { ProfileGuard } from "./profile-guard.ts";

/** What the resources of one client share. */
export interface Context {
  readonly api: Api;
  readonly files: Files;
  readonly guard: ProfileGuard;
  readonly reportLeak: ReportLeak;
  /** What the pools of this client have in common, and `profiles.ensure` with them. */
  readonly shared: SharedStores;
  /** Default cost limit of v3 runs, in USD. */
  readonly maxCostUsd: number | string | undefined;
}

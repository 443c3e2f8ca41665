import type { Api } from "./api.ts";
import type { Files } from "./files.ts";
import type { ReportLeak } from "./live.ts";
import type { ProfileGuard } from "./profile-guard.ts";

/** What the resources of one client share. */
export interface Context {
  readonly api: Api;
  readonly files: Files;
  readonly guard: ProfileGuard;
  readonly reportLeak: ReportLeak;
  /** Default cost limit of v3 runs, in USD. */
  readonly maxCostUsd: number | string | undefined;
}

import type { Api } from "../facade/call/api.ts";
import type { LiveContext } from "../facade/living.ts";
import type { SharedStores } from "../facade/pool/session-port.ts";
import { apiUnder } from "../facade/pool-port.ts";
import type { Watcher } from "../facade/runs/watcher.ts";
import type { paths } from "../generated/skyvern/api.ts";
import type { Doubts } from "./doubts.ts";
import type { Lanes } from "./lanes.ts";
import type { TaskReference, TaskRunView } from "./run-port.ts";

/** What the resources of one client share. */
export interface SkyvernContext extends LiveContext {
  readonly api: Api<paths>;
  readonly watcher: Watcher<TaskRunView, TaskReference>;
  /** One way into each session, whichever handle takes it. */
  readonly lanes: Lanes;
  /** Which sessions may have a task that nobody knows of. */
  readonly doubts: Doubts;
  /** What the pools of this client have in common. */
  readonly shared: SharedStores;
}

/** A context for one lease: what it sends is checked first. */
export function checkedFirst(context: SkyvernContext, check: () => void): SkyvernContext {
  return { ...context, api: apiUnder(context.api, check), watcher: context.watcher.under(check) };
}

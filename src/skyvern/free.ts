import type { Api } from "../facade/call/api.ts";
import { Deadline, pollDelayMs, sleep } from "../facade/call/wait.ts";
import { ApiError } from "../facade/errors.ts";
import type { CallOptions } from "../facade/types.ts";
import type { paths } from "../generated/skyvern/api.ts";
import { isFinal } from "./run-port.ts";
import { phaseOf, type SkyvernSessionView, skyvernPort } from "./session-view.ts";

/** How long the service may take to let go of a session whose run has ended: it stores files and videos first. */
const LETTING_GO_MS = 15_000;

/**
 * Looks at a session. When what has it is a run that has ended already, the service is about to let go of it, and that is waited for; any
 * other run is not.
 */
export async function lookWhenFree(
  api: Api<paths>,
  sessionId: string,
  options: CallOptions,
): Promise<SkyvernSessionView> {
  const { get } = skyvernPort(api);
  let view = await get(sessionId, options);
  const holder = view.runnable_id;
  const isHeld = () => phaseOf(view) === "busy" && view.runnable_id === holder;
  if (!holder || !isHeld() || !(await hasEnded(api, holder, options))) return view;
  const deadline = new Deadline(LETTING_GO_MS);
  while (isHeld() && !deadline.isOver) {
    await sleep(pollDelayMs(deadline.timeoutMs - deadline.remainingMs), options.signal);
    view = await get(sessionId, options);
  }
  return view;
}

/** What the service does not know as a run has not ended, as far as anybody can tell. */
async function hasEnded(api: Api<paths>, runId: string, options: CallOptions): Promise<boolean> {
  try {
    const { data } = await api.GET("/v1/runs/{run_id}", { params: { path: { run_id: runId } }, ...options });
    return isFinal(data.status);
  } catch (error) {
    if (error instanceof ApiError) return false;
    throw error;
  }
}

import type { Api } from "../facade/call/api.ts";
import { Deadline, pollDelayMs, sleep } from "../facade/call/wait.ts";
import { within } from "../facade/call/within.ts";
import { ApiError } from "../facade/errors.ts";
import type { CallOptions } from "../facade/types.ts";
import type { paths } from "../generated/skyvern/api.ts";
import { isFinal } from "./run-port.ts";
import { phaseOf, type SkyvernSessionView, skyvernPort } from "./session-view.ts";

/** How long the service may take to let go of a session whose run has ended: it stores files and videos first. */
const LETTING_GO_MS = 15_000;

/**
 * Looks at a session. When what has it is a run that has ended already, the service is about to let go of it, and that is waited for; any
 * other run is not. `see` is told of each look.
 */
export async function lookWhenFree(
  api: Api<paths>,
  sessionId: string,
  options: CallOptions,
  see: (view: SkyvernSessionView) => void = () => {},
): Promise<SkyvernSessionView> {
  const { get } = skyvernPort(api);
  let view: SkyvernSessionView;
  const look = async (limits: CallOptions) => {
    view = await get(sessionId, limits);
    see(view);
    return view;
  };
  view = await look(options);
  const { runnable_id: holder } = view;
  if (!holder || phaseOf(view) !== "busy") return view;
  const deadline = new Deadline(LETTING_GO_MS);
  const timeUp = new Error("The session was not let go of in time.");
  const untilLetGo = async (signal: AbortSignal) => {
    const limits = { ...options, signal };
    if (!(await hasEnded(api, holder, limits))) return;
    while (phaseOf(view) === "busy" && view.runnable_id === holder) {
      await sleep(pollDelayMs(deadline.timeoutMs - deadline.remainingMs), signal);
      await look(limits);
    }
  };
  await within(deadline.timeoutMs, () => timeUp, options.signal, untilLetGo).catch((error: unknown) => {
    if (error !== timeUp) throw error;
  });
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

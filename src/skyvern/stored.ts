import { type Deadline, pollDelayMs, sleep } from "../facade/call/wait.ts";
import { within } from "../facade/call/within.ts";
import { BrowserUseError, InvalidInputError, TimeoutError } from "../facade/errors.ts";
import type { LivePort } from "../facade/live.ts";
import type { CallOptions } from "../facade/types.ts";
import { isArchivePending } from "./service.ts";
import { phaseOf, type SkyvernSessionView } from "./session-view.ts";

const CREATE = "POST /v1/browser_profiles";

/**
 * Makes something of what a session leaves behind, again and again until that is stored. Until the session was seen to have ended it is
 * looked at, too: a live one stores nothing, however long one waits.
 */
export async function createWhenStored<T>(
  { get }: Pick<LivePort<SkyvernSessionView>, "get">,
  sessionId: string,
  deadline: Deadline,
  { signal, ...limits }: CallOptions,
  create: (options: CallOptions) => Promise<T>,
): Promise<T> {
  let hasEnded = false;
  for (let refused: unknown; ; ) {
    const notAnswered = () => notInTime("It may have been made all the same: look first", deadline, refused, "unknown");
    const inTime = (own: AbortSignal) => create({ ...limits, signal: own });
    try {
      return await within(deadline.remainingMs, notAnswered, signal, inTime);
    } catch (error) {
      if (!isArchivePending(error)) throw error;
      refused = error;
    }
    const notStored = () => notInTime("Try again later", deadline, refused);
    await within(deadline.remainingMs, notStored, signal, async (own) => {
      if (!hasEnded) hasEnded = await checkEnded(() => get(sessionId, { ...limits, signal: own }), sessionId, own);
      const waitMs = pollDelayMs(deadline.timeoutMs - deadline.remainingMs);
      if (waitMs >= deadline.remainingMs) throw notStored();
      await sleep(waitMs, own);
    });
    if (deadline.isOver) throw notStored();
  }
}

/** Whether a look has shown that the session may be stored by and by. A look that shows nothing is looked past. */
async function checkEnded(
  look: () => Promise<SkyvernSessionView>,
  sessionId: string,
  signal: AbortSignal,
): Promise<boolean> {
  const view = await look().catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof BrowserUseError) return undefined;
    throw error;
  });
  if (!view) return false;
  if (view.status === "failed")
    throw new InvalidInputError(`Session ${sessionId} has failed, and leaves nothing to make a profile of.`);
  if (phaseOf(view) === "closed") return true;
  throw new InvalidInputError(`Session ${sessionId} is still live: stop it first, and then make a profile of it.`);
}

function notInTime(advice: string, { timeoutMs }: Deadline, cause: unknown, outcome?: "unknown"): TimeoutError {
  const message = `What the session leaves behind was not made a profile within ${timeoutMs} ms. ${advice}.`;
  return new TimeoutError(message, { operation: CREATE, timeoutMs, outcome }, { cause });
}

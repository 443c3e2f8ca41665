import { plainId } from "../facade/call/answers.ts";
import { phaseOf, type SkyvernSessionView } from "./session-view.ts";

/**
 * How long a task whose dispatch was not answered can stay unseen. A session shows its task once that has left the service's queue, which
 * takes seconds; a task that is not there after a minute was not taken.
 */
const DOUBT_MS = 60_000;

interface Doubt {
  readonly cause: unknown;
  readonly sinceMs: number;
  wasBusy: boolean;
}

/** The sessions of which nobody knows whether they were given a task. */
export class Doubts {
  readonly #doubts = new Map<string, Doubt>();

  /** Takes note of a dispatch whose outcome is not known, and why. */
  add(sessionId: string, cause: unknown): void {
    const now = performance.now();
    for (const [id, { sinceMs }] of this.#doubts) if (now - sinceMs >= DOUBT_MS) this.#doubts.delete(id);
    this.#doubts.set(plainId(sessionId), { cause, sinceMs: now, wasBusy: false });
  }

  /** Takes note of what a look has shown: what was busy and is free again has done its task. */
  see(sessionId: string, view: SkyvernSessionView): void {
    const id = plainId(sessionId);
    const doubt = this.#doubts.get(id);
    if (!doubt) return;
    if (phaseOf(view) === "busy") doubt.wasBusy = true;
    else if (doubt.wasBusy) this.#doubts.delete(id);
  }

  /** Why it is not known whether the session has a task. Undefined for no doubt, and when its time is over. */
  causeOf(sessionId: string): unknown {
    const doubt = this.#doubts.get(plainId(sessionId));
    return doubt && performance.now() - doubt.sinceMs < DOUBT_MS ? doubt.cause : undefined;
  }
}

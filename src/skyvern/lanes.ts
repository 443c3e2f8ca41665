import { Lane } from "../facade/agent-session.ts";
import { plainId } from "../facade/call/answers.ts";
import { LONGEST_LIFE_MS } from "./life.ts";
import type { TaskRun } from "./task-run.ts";

/** The ways into all sessions that tasks were dispatched into: one for each session, however many handles there are. */
export class Lanes {
  readonly #lanes = new Map<string, { readonly lane: Lane<TaskRun>; readonly sinceMs: number }>();

  /** The way into this session. To be asked for again each time: one that is quiet is forgotten. */
  of(sessionId: string): Lane<TaskRun> {
    const now = performance.now();
    const id = plainId(sessionId);
    for (const [other, { lane, sinceMs }] of this.#lanes) {
      if (other !== id && (lane.isQuiet || now - sinceMs > LONGEST_LIFE_MS)) this.#lanes.delete(other);
    }
    const known = this.#lanes.get(id);
    if (known) return known.lane;
    const lane = new Lane<TaskRun>();
    this.#lanes.set(id, { lane, sinceMs: now });
    return lane;
  }
}

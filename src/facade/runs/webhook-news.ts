/** Events may come a while after an end that polling has seen. */
const LATE_MS = 30_000;
/** In a fleet some events come here by chance: that is not to be relied on. */
const ENOUGH_IN_A_ROW = 3;

/**
 * Whether webhooks can be relied on to announce the ends of runs: they can once they have done so three times in a row, and no longer
 * when polling finds an end that none announces. Without any, nothing is noted.
 */
export class WebhookNews {
  /** Ends that polling has seen first, and when. */
  readonly #unannounced = new Map<string, number>();
  #hasCome = false;
  #inARow = 0;

  /** An event has come for the runs or sessions with these ids. */
  came(ids: ReadonlySet<string>): void {
    this.#hasCome = true;
    for (const id of ids) if (this.#unannounced.delete(id)) this.#inARow += 1;
  }

  /** A run has ended. `announced`: it was looked at because of an event. */
  ended(id: string, announced: boolean): void {
    if (announced) this.#inARow += 1;
    else if (this.#hasCome) this.#unannounced.set(id, performance.now());
  }

  /** Whether polling is but the safety net now. */
  announcesEnds(): boolean {
    for (const [id, endedMs] of this.#unannounced) {
      if (performance.now() - endedMs < LATE_MS) break;
      this.#unannounced.delete(id);
      this.#inARow = 0;
    }
    return this.#inARow >= ENOUGH_IN_A_ROW;
  }
}

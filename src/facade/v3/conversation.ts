import type { Step } from "../runs/runs.ts";
import { isFromAgent, isFromUs, type V3Message } from "./messages.ts";

/** How long words are held back that may be an older run's. */
const EARLY_WORDS_MS = 3_000;

/** What the messages after a baseline tell of a run, read in order. */
export class Conversation {
  /** The last message that was read, hidden or not. */
  lastId: string | null;
  /** Whether the agent has written in this run. */
  hasAgentWords = false;
  /** Whether another task was dispatched after the agent's words. */
  isSuperseded = false;
  /** When our own task was written down. */
  startedAt: string | undefined;
  readonly #withHidden: boolean;
  readonly #read = new Set<string>();
  /** Words before our own task: an older run's. They are held back for a while, in case that no task ever turns up. */
  #early: V3Message[] = [];
  #heldSinceMs = Number.POSITIVE_INFINITY;
  #steps = 0;

  /** `withHidden`: what is hidden is given as a step, too. It still tells nothing of the run. */
  constructor(after: string | null, withHidden = false) {
    this.lastId = after;
    this.#withHidden = withHidden;
  }

  /** Reads on, and gives the steps that are new. `started`: the run is known to be at work, so that all words are its own. */
  take(messages: readonly V3Message[], started: boolean): Step[] {
    const isOwn = started || performance.now() - this.#heldSinceMs > EARLY_WORDS_MS;
    const words: V3Message[] = [];
    for (const message of messages.filter((one) => this.#isNew(one))) {
      if (message.hidden) this.#takeHidden(message, words);
      else if (isFromUs(message)) this.#takeOurs(message);
      else if (isFromAgent(message) && !this.isSuperseded) this.#takeWords(message, words);
    }
    this.lastId = messages.at(-1)?.id ?? this.lastId;
    if (isOwn) words.unshift(...this.#early.splice(0));
    this.hasAgentWords ||= words.some(({ hidden }) => !hidden);
    return words.map((message) => this.#toStep(message));
  }

  #isNew({ id }: V3Message): boolean {
    const isKnown = this.#read.has(id);
    this.#read.add(id);
    return !isKnown;
  }

  #takeHidden(message: V3Message, words: V3Message[]): void {
    if (this.#withHidden && this.startedAt !== undefined && !this.isSuperseded) words.push(message);
  }

  /** Our own task comes first; one after the agent's words is a later dispatch. */
  #takeOurs({ createdAt }: V3Message): void {
    if (this.startedAt !== undefined) {
      this.isSuperseded ||= this.hasAgentWords;
      return;
    }
    this.startedAt = createdAt;
    this.#early = [];
    this.hasAgentWords = false;
  }

  #takeWords(message: V3Message, words: V3Message[]): void {
    if (this.startedAt === undefined) {
      this.#early.push(message);
      this.#heldSinceMs = Math.min(this.#heldSinceMs, performance.now());
      return;
    }
    this.hasAgentWords = true;
    words.push(message);
  }

  #toStep(raw: V3Message): Step {
    const { summary, data, screenshotUrl } = raw;
    return { number: ++this.#steps, summary: summary || data, screenshotUrl: screenshotUrl ?? undefined, raw };
  }
}

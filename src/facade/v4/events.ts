import { complete } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import { isRecord } from "../call/redact.ts";
import { NotFoundError } from "../errors.ts";
import type { Step } from "../runs/runs.ts";
import type { CallOptions, Ok } from "../types.ts";

const EVENTS = "/v4/runs/{run_id}/events";
/** Where an event may say in words what has happened: no document tells, so that the first of these that is a text counts. */
const WORDS = ["summary", "message", "text", "title", "content"] as const;

/** Something that happened in a v4 run, as the service shows it. Which types there are, and what their `data` has, is in no document. */
export interface V4Event extends Readonly<Ok<typeof EVENTS, "get">["events"][number]> {}

/** The events of one run, each once and in order, read on from look to look. */
export class V4Events {
  readonly #api: Api;
  readonly #runId: string;
  readonly #read = new Set<number>();
  /** A look that fails after some were read must not lose them. */
  readonly #untold: Step[] = [];
  #after = 0;

  constructor(api: Api, runId: string) {
    this.#api = api;
    this.#runId = runId;
  }

  /** Reads all there are. A service that gives the same again, or leads nowhere, is at its end. */
  async readOn(options: CallOptions): Promise<void> {
    const path = { run_id: this.#runId };
    for (;;) {
      const params = { path, query: { after: this.#after } };
      const answer = await this.#api.GET(EVENTS, { params, ...options }).catch(noneYet);
      if (!answer) return;
      const { events, hasMore, nextAfter } = complete(answer, `GET ${EVENTS}`, "events");
      const last = this.#take(events);
      // What comes after the last one that we have cannot be passed over; the service's own cursor may lead further than it should.
      const next = last > this.#after ? last : (hasMore && nextAfter) || 0;
      if (!(next > this.#after)) return;
      this.#after = next;
      if (!hasMore) return;
    }
  }

  /** What was read and not given yet. */
  steps(): Step[] {
    return this.#untold.splice(0);
  }

  #take(events: readonly V4Event[]): number {
    const inOrder = [...events].sort((a, b) => a.id - b.id);
    for (const event of inOrder) {
      if (this.#read.has(event.id)) continue;
      this.#read.add(event.id);
      this.#untold.push(toStep(event, this.#read.size));
    }
    return inOrder.at(-1)?.id ?? 0;
  }
}

/** A run that is there may have no list of events yet. */
function noneYet(error: unknown): undefined {
  if (!(error instanceof NotFoundError)) throw error;
}

function toStep(raw: V4Event, number: number): Step {
  const data = isRecord(raw.data) ? raw.data : {};
  const said = WORDS.map((name) => data[name]).find((text) => typeof text === "string" && text !== "");
  const { url } = data;
  return { number, summary: String(said ?? raw.type), url: typeof url === "string" ? url : undefined, raw };
}

import { expect, test } from "vitest";
import type { V3Session } from "../../../src/index.ts";
import { answer, delayed, type Reply, refusal, reset, type Sent, Service, useFastTime } from "../../support/service.ts";
import { type Event, PlayedSession } from "../../support/v3-session.ts";
import { message, v3View } from "../../support/views.ts";

useFastTime();

const DISPATCH = "POST /v3/sessions";

/** Numbers that look random and are the same for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761;
  return (below) => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return Math.floor((state / 4_294_967_296) * below);
  };
}

/** A cloud with one session, in which everything takes its time and some of it goes wrong. */
class WildCloud {
  readonly service = new Service();
  readonly executed: string[] = [];
  readonly #random: (below: number) => number;
  readonly #session: PlayedSession;
  #steps = 0;

  constructor(seed: number) {
    this.#random = numbers(seed);
    this.#session = new PlayedSession(this.service);
    this.service
      .on("GET /v3/sessions/s1", () => this.#roughly(() => this.#session.view))
      .on("POST /v3/sessions/s1/stop", v3View({ status: "stopped" }))
      .on("GET /v3/sessions/s1/messages", (sent) => this.#roughly(() => this.#page(sent)))
      .on(DISPATCH, (sent) => this.#take(sent));
  }

  #page({ query }: Sent): object {
    const all = this.#session.messages;
    const begin = query["after"] ? all.findIndex(({ id }) => id === query["after"]) + 1 : 0;
    const size = 1 + this.#random(5);
    return { messages: all.slice(begin, begin + size), hasMore: begin + size < all.length };
  }

  /** Slow, and now and then without success. */
  #roughly(reply: () => object): Reply {
    const faults: Reply[] = [answer(500), reset(), refusal(429, "slow down"), () => new Response("<html>")];
    const fault = faults[this.#random(25)];
    return delayed(this.#random(300), fault ?? reply);
  }

  #take({ body }: Sent): Reply {
    const { task } = body as { task?: string };
    if (task === undefined) return this.#session.view;
    if (this.#random(12) === 0) return reset();
    if (this.#session.view.status !== "idle") return refusal(409, "Session already has a running task");
    this.#run(task);
    return this.#random(6) === 0 ? reset() : delayed(this.#random(200), this.#session.view);
  }

  #run(task: string): void {
    this.executed.push(task);
    const random = this.#random;
    const begins = random(2) * random(8_000);
    const ends = begins + 200 + random(15_000);
    const words = 1 + random(4);
    const events: Event[] = [
      [random(1_500), message(`h${task}`, "human")],
      [begins, { status: "running" }],
    ];
    for (let word = 0; word < words; word++) {
      const at = begins + 1_500 + random(ends - begins);
      this.#steps += random(2);
      events.push([Math.min(at, ends + random(150)), message(`a${task}-${word}`, "assistant")]);
    }
    const success = random(3) === 0 ? null : true;
    events.push([
      ends,
      { status: "idle", output: `answer to ${task}`, isTaskSuccessful: success, stepCount: ++this.#steps },
    ]);
    if (success === null) events.push([ends + random(1_000), { isTaskSuccessful: true }]);
    this.#session.play(...events);
  }
}

async function outcomeOf(session: V3Session, task: string): Promise<unknown> {
  const steps: string[] = [];
  const onStep = ({ raw }: { raw: object }) => void steps.push((raw as { id: string }).id);
  try {
    const { output } = await session.run(task, { waitTimeoutMs: 120_000, onStep });
    expect(
      steps.filter((id) => !id.startsWith(`a${task}-`)),
      `steps of ${task}`,
    ).toEqual([]);
    return output;
  } catch (error) {
    return error;
  }
}

test("However the service dawdles and fails, a task is dispatched once, and gets its own answer if it was", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const cloud = new WildCloud(seed);
    const session = await cloud.service.client().v3.sessions.open();
    for (const task of ["1", "2", "3", "4"]) {
      const outcome = await outcomeOf(session, task);
      const wasExecuted = cloud.executed.includes(task);
      if (wasExecuted) expect(outcome, `seed ${seed}`).toBe(`answer to ${task}`);
      else expect(outcome, `seed ${seed}`).toMatchObject({ outcome: "unknown" });
    }
    expect(cloud.executed, `seed ${seed}`).toEqual([...new Set(cloud.executed)]);
  }
});

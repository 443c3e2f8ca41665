import type { News, Order, Ticket } from "./pool-clerk.ts";

/** Somebody who answers tickets. */
export interface Worker {
  readonly name: string;
  readonly give: (order: Order) => void;
}

/** A ticket that somebody has. */
export interface Given {
  readonly ticket: Ticket;
  readonly worker: Worker;
  readonly at: number;
  /** Once the worker has a session for it. */
  sessionId?: string;
}

const TRIES = 5;

/** Hands tickets out, takes answers in, and gives a ticket again when the one who had it is gone. */
export class Desk {
  readonly answers: Map<number, string> = new Map();
  /** How often each ticket was given out. */
  readonly times: Map<number, number> = new Map();
  readonly given: Map<number, Given> = new Map();
  readonly answeredBy: Map<string, number> = new Map();
  /** Resolves when all are answered; rejects when one fails for good, or nobody is left. */
  readonly done: Promise<void>;
  readonly tickets: readonly Ticket[];
  readonly #queue: Ticket[];
  readonly #atOnce: number;
  readonly #workers: Set<Worker> = new Set();
  #finish: () => void = () => {};
  #fail: (error: Error) => void = () => {};

  /** `atOnce`: how many tickets a worker has at a time. */
  constructor(tickets: readonly Ticket[], atOnce: number) {
    this.tickets = tickets;
    this.#queue = [...tickets];
    this.#atOnce = atOnce;
    this.done = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    this.done.catch(() => {});
  }

  /** What a worker says. What one says of a ticket that it no longer has counts for nothing. */
  hear(worker: Worker, news: News): void {
    if (news.type === "ready") this.#workers.add(worker);
    const given = "id" in news ? this.given.get(news.id) : undefined;
    if (given?.worker === worker) this.#hearOf(given, news);
    this.#handOut();
  }

  /** A worker is gone. What it had and did not answer is given to the others. */
  lost(worker: Worker): readonly Ticket[] {
    this.#workers.delete(worker);
    const open = this.#of(worker);
    for (const given of open) this.#again(given, "its worker is gone");
    if (this.#workers.size === 0) this.#fail(new Error("No worker is left."));
    this.#handOut();
    return open.map(({ ticket }) => ticket);
  }

  /** The worker of a ticket, if it holds a session for everything it has: it is not in the middle of an opening then. */
  holderOf(id: number): Worker | undefined {
    const worker = this.given.get(id)?.worker;
    return worker && this.#of(worker).every(({ sessionId }) => sessionId !== undefined) ? worker : undefined;
  }

  /** Whether a worker of this name takes tickets. */
  isThere(name: string): boolean {
    return [...this.#workers].some((worker) => worker.name === name);
  }

  /** Tickets that wait for a session, those first that have waited longest. */
  waiting(): readonly Given[] {
    return [...this.given.values()].filter(({ sessionId }) => sessionId === undefined).sort((a, b) => a.at - b.at);
  }

  #hearOf(given: Given, news: News): void {
    if (news.type === "leased") given.sessionId = news.sessionId;
    if (news.type === "answered") this.#answered(given, news.answer);
    if (news.type === "failed") this.#again(given, news.why);
  }

  #answered(given: Given, answer: string): void {
    const { ticket, worker } = given;
    this.given.delete(ticket.id);
    this.answers.set(ticket.id, answer);
    this.answeredBy.set(worker.name, (this.answeredBy.get(worker.name) ?? 0) + 1);
    if (this.answers.size === this.tickets.length) this.#finish();
  }

  #again({ ticket }: Given, why: string): void {
    this.given.delete(ticket.id);
    if ((this.times.get(ticket.id) ?? 0) < TRIES) this.#queue.unshift(ticket);
    else this.#fail(new Error(`Ticket ${ticket.id} was given out ${TRIES} times: ${why}`));
  }

  #handOut(): void {
    for (;;) {
      const worker = this.#leastBusy();
      const ticket = worker && this.#queue.shift();
      if (!ticket) return;
      this.given.set(ticket.id, { ticket, worker, at: performance.now() });
      this.times.set(ticket.id, (this.times.get(ticket.id) ?? 0) + 1);
      worker.give({ type: "answer", ticket });
    }
  }

  #leastBusy(): Worker | undefined {
    const [worker] = [...this.#workers].sort((a, b) => this.#of(a).length - this.#of(b).length);
    return worker && this.#of(worker).length < this.#atOnce ? worker : undefined;
  }

  #of(worker: Worker): Given[] {
    return [...this.given.values()].filter((given) => given.worker === worker);
  }
}

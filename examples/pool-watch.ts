import type { Emulator } from "browser-use-client/emulator";
import type { ProjectLeases, SlotView } from "browser-use-client/pool";
import { ticketsIn } from "./pool-agent.ts";
import type { Customer } from "./pool-customers.ts";
import type { Desk } from "./pool-desk.ts";
import type { Picture, SlotRow } from "./pool-table.ts";

/** What is to be seen. */
export interface Scene {
  readonly title: string;
  readonly cap: number;
  readonly customers: readonly Customer[];
  readonly workers: readonly string[];
  readonly desk: Desk;
  readonly emulator: Emulator;
  readonly leases: ProjectLeases;
}

/** Looks at everything from outside: the record in the store, and what really lives in the cloud. It takes no part. */
export class Watch {
  readonly begunAt: number = performance.now();
  readonly events: string[] = [];
  readonly gone: Set<string> = new Set();
  mostLive = 0;
  /** Whether two sessions with one profile were ever live at once. */
  sharedProfile = false;
  readonly #scene: Scene;
  readonly #rows: (string | undefined)[];
  readonly #since: Map<string, number> = new Map();
  /** Who had a session last, and for what. */
  readonly #users: Map<string, { readonly worker: string; readonly ticket: number | undefined }> = new Map();

  constructor(scene: Scene) {
    this.#scene = scene;
    this.#rows = Array.from({ length: scene.cap });
  }

  get elapsedMs(): number {
    return performance.now() - this.begunAt;
  }

  /** The picture of now. */
  async picture(): Promise<Picture> {
    const { title, desk, workers, leases } = this.#scene;
    const slots = await leases.slots();
    this.lookAtCloud();
    this.#rememberUsers();
    this.#placeInRows(slots);
    const opening = slots.filter(({ state }) => state === "creating").map(({ profileId }) => profileId);
    return {
      title,
      elapsedMs: this.elapsedMs,
      answered: desk.answers.size,
      tickets: desk.tickets.length,
      slots: this.#rows.map((id) => this.#row(slots.find(({ slot }) => slot === id))),
      waiting: this.#waiting(opening),
      workers: workers.map((name) => {
        const phase = this.gone.has(name) ? "gone" : desk.isThere(name) ? "there" : "starting";
        return { name, answered: desk.answeredBy.get(name) ?? 0, phase };
      }),
      customers: this.#customers(),
      events: this.events,
    };
  }

  /** The judge: it asks the cloud, and no pool. */
  lookAtCloud(): void {
    const live = this.live();
    const profiles = live.map(({ profileId }) => profileId);
    this.mostLive = Math.max(this.mostLive, live.length);
    this.sharedProfile ||= new Set(profiles).size < profiles.length;
  }

  live(): readonly { readonly profileId: string | null }[] {
    return this.#scene.emulator.sessions().filter(({ status }) => !["stopped", "timed_out", "error"].includes(status));
  }

  /** Whose session it is. */
  customerOf(sessionId: string): string {
    const profileId = this.#scene.emulator.sessions().find(({ id }) => id === sessionId)?.profileId;
    return this.#nameOf(profileId);
  }

  /** The tickets that a customer's profile has on record. */
  saved({ profileId }: Customer): readonly number[] {
    return ticketsIn(this.#scene.emulator.profileState(profileId));
  }

  #customers(): Picture["customers"] {
    const { customers, desk } = this.#scene;
    return customers.map((customer) => {
      const tickets = desk.tickets.filter(({ profileId }) => profileId === customer.profileId);
      const answered = tickets.filter(({ id }) => desk.answers.has(id)).length;
      return { name: customer.name, saved: this.saved(customer).length, answered, tickets: tickets.length };
    });
  }

  /** Those without a session, but for the one that each opening is for. */
  #waiting(opening: readonly (string | undefined)[]): Picture["waiting"] {
    const first = new Set(opening);
    return this.#scene.desk
      .waiting()
      .filter(({ ticket }) => !first.delete(ticket.profileId))
      .map(({ ticket, at }) => ({ id: ticket.id, customer: ticket.customer, forMs: performance.now() - at }));
  }

  #rememberUsers(): void {
    for (const { worker, sessionId, ticket } of this.#scene.desk.given.values()) {
      if (sessionId) this.#users.set(sessionId, { worker: worker.name, ticket: ticket.id });
    }
  }

  /** A slot stays in its row. */
  #placeInRows(slots: readonly SlotView[]): void {
    const ids = new Set(slots.map(({ slot }) => slot));
    for (const [index, id] of this.#rows.entries()) if (id && !ids.has(id)) this.#rows[index] = undefined;
    for (const id of ids) {
      if (this.#rows.includes(id)) continue;
      const free = this.#rows.indexOf(undefined);
      this.#rows[free < 0 ? this.#rows.length : free] = id;
    }
  }

  #row(view: SlotView | undefined): SlotRow | undefined {
    if (!view) return undefined;
    const { slot, state, sessionId, profileId, fence, dueInMs } = view;
    const now = performance.now();
    const turn = `${slot} ${state} ${fence}`;
    if (!this.#since.has(turn)) this.#since.set(turn, now);
    const opener = this.#scene.desk.waiting().find(({ ticket }) => ticket.profileId === profileId);
    const user = this.#users.get(sessionId ?? "") ?? { worker: opener?.worker.name ?? "", ticket: opener?.ticket.id };
    return {
      state,
      customer: this.#nameOf(profileId),
      worker: user.worker,
      isOrphan: state === "leased" && this.gone.has(user.worker),
      ticket: state === "leased" || state === "creating" ? user.ticket : undefined,
      forMs: now - (this.#since.get(turn) ?? now),
      dueInMs,
    };
  }

  #nameOf(profileId: string | null | undefined): string {
    return this.#scene.customers.find((customer) => customer.profileId === profileId)?.name ?? "";
  }
}

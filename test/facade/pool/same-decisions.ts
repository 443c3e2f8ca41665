import fc from "fast-check";
import type {
  Claim,
  CreateFailure,
  Grant,
  LeaseStore,
  ProjectLeases,
  Want,
} from "../../../src/facade/pool/lease-store.ts";
import { LONG, want } from "./lease-store.conformance.ts";

/** Over at once, or not within a test: what a store decides must not hang on how fast it is. */
const time = fc.constantFrom(0, LONG, LONG, LONG, LONG);
const kind = fc.constantFrom("v3", "v3", "browser");
/** Which of what happened before, counted from the latest; taken modulo how much that is. */
const which = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 30 }));

const wanted = fc.record({
  kind,
  holder: fc.constantFrom("pool-1", "pool-2"),
  shape: fc.constantFrom(undefined, "a", "a", "a", "b", "b"),
  key: fc.constantFrom(undefined, undefined, undefined, "k", "l"),
  profileId: fc.constantFrom(undefined, undefined, undefined, undefined, "P", "p", "q"),
  exclusive: fc.boolean(),
  cap: fc.integer({ min: 1, max: 8 }),
  maxWaiters: fc.constantFrom(2, 10),
  mayEvict: fc.boolean(),
  waiterMs: fc.constantFrom(0, LONG, LONG, LONG),
  leaseMs: time,
  createMs: time,
  holdMs: time,
  stopMs: time,
});

const failure: fc.Arbitrary<CreateFailure> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ outcome: fc.constantFrom("refused", "unknown") }) },
  { weight: 1, arbitrary: fc.record({ outcome: fc.constant("full"), shrinkMs: fc.constant(LONG) }) },
);

const look = fc.record({
  do: fc.constant("look"),
  kind,
  live: fc.array(which, { maxLength: 3 }),
  graceMs: time,
  exclusive: fc.boolean(),
});

const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("acquire"), wanted }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("ask again"), which, withTicket: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("attach"), which, leaseMs: time, lifeMs: time }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("release"),
      which,
      to: fc.constantFrom("idle", "idle", "stop"),
      idleMs: time,
      maxUses: fc.constantFrom(2, 9),
      stopMs: time,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("stopped"), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("fail"), which, failure }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("renew"), which: fc.array(which, { maxLength: 5 }), leaseMs: time }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave"), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("reap"), kind, stopMs: time }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("claim idle"),
      kind,
      holder: fc.constantFrom("pool-1", "pool-2"),
      stopMs: time,
    }),
  },
  { weight: 2, arbitrary: look },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stray stopped"), kind, which }) },
);

type ArbitraryValue<T> = T extends fc.Arbitrary<infer Value> ? Value : never;
/** One thing that is done to all stores alike. */
export type Operation = ArbitraryValue<typeof operation>;

/** What is done to all stores alike. Most of what can happen happens after a first look at both kinds. */
export const operations: fc.Arbitrary<Operation[]> = fc
  .tuple(
    look.map((first) => ({ ...first, kind: "v3" as const })),
    look.map((first) => ({ ...first, kind: "browser" as const, live: [] })),
    fc.array(operation, { minLength: 10, maxLength: 100, size: "max" }),
  )
  .map(([agents, browsers, others]) => [agents, browsers, ...others]);

/** One store with what it has told, so that the same operation can be done to stores that give other names to the same things. */
class Subject {
  readonly #leases: ProjectLeases;
  readonly #wants: Want[] = [];
  readonly #grants: { readonly slot: string; readonly token: string }[] = [];
  readonly #slots: string[] = [];
  readonly #tickets = new Map<string, number>();

  constructor(store: LeaseStore) {
    this.#leases = store.project(crypto.randomUUID());
  }

  /** Does it, and tells what the store said and what it counts now, in words that are alike for all stores. */
  async do(operation: Operation): Promise<unknown> {
    const answer = await this.#answer(operation);
    const views = await this.#leases.slots();
    const slots = views.map(({ slot, dueInMs, fence: _, ...view }) => ({
      ...view,
      slot: this.#name(slot),
      isOver: dueInMs <= 0,
    }));
    const held = await Promise.all(["p", "Q"].map((id) => this.#leases.isProfileHeld(id)));
    return { answer, counts: await this.#leases.counts(), slots: slots.sort((a, b) => a.slot - b.slot), held };
  }

  async #answer(operation: Operation): Promise<unknown> {
    switch (operation.do) {
      case "acquire":
        return this.#acquire(want({ ...operation.wanted, token: `token-${this.#wants.length}` }));
      case "ask again": {
        const again = pick(this.#wants, operation.which);
        if (!again) return undefined;
        return this.#acquire(operation.withTicket ? { ...again, ticket: this.#tickets.get(again.token) } : again);
      }
      case "attach": {
        const grant = this.#grant(operation.which);
        const id = `session-${this.#name(grant.slot)}`;
        return this.#leases.attach(grant.slot, grant.token, id, operation);
      }
      case "fail": {
        const grant = this.#grant(operation.which);
        return this.#leases.createFailed(grant.slot, grant.token, operation.failure);
      }
      case "release": {
        const grant = this.#grant(operation.which);
        return this.#leases.release(grant.slot, grant.token, operation);
      }
      case "renew":
        return this.#leases.renew(
          operation.which.map((index) => this.#grant(index)),
          operation.leaseMs,
        );
      case "stopped":
        return this.#leases.stopped(pick(this.#slots, operation.which) ?? "none");
      case "leave":
        return this.#leases.leave(pick(this.#wants, operation.which)?.token ?? "none");
      case "reap": {
        const { claims, unknown } = await this.#leases.reap(operation.kind, 100, operation.stopMs);
        return { claims: this.#claims(claims), unknown: unknown.map((slot) => this.#name(slot)).sort() };
      }
      case "claim idle":
        return this.#claims(await this.#leases.claimIdle(operation.kind, operation.holder, operation.stopMs));
      case "look":
        return this.#look(operation);
      case "stray stopped":
        return this.#leases.strayStopped(operation.kind, `session-${operation.which}`);
    }
  }

  async #acquire(asked: Want): Promise<unknown> {
    if (!this.#wants.some(({ token }) => token === asked.token)) this.#wants.push(asked);
    const grant = await this.#leases.acquire(asked);
    if (grant.kind !== "unready" && grant.ticket > 0) this.#tickets.set(asked.token, grant.ticket);
    if (grant.kind === "reuse" || grant.kind === "create") this.#grants.push({ slot: grant.slot, token: asked.token });
    return this.#told(grant);
  }

  #told(grant: Grant): unknown {
    switch (grant.kind) {
      case "reuse":
        return [grant.kind, this.#name(grant.slot), grant.sessionId, grant.uses];
      case "create":
        return [grant.kind, this.#name(grant.slot), grant.restarted];
      case "evict":
        return [grant.kind, this.#claims([grant.claim])];
      default:
        return { ...grant, ticket: 0 };
    }
  }

  async #look({ kind, live, graceMs, exclusive }: Extract<Operation, { do: "look" }>): Promise<unknown> {
    const startedAt = (await this.#leases.beginPass(kind, 0)) ?? Number.NaN;
    // A service lists each session once.
    const ids = [...new Set(live)].map((number) => ({ id: `session-${number}` }));
    const { strays, freed } = await this.#leases.reconcile({ kind, startedAt, live: ids, graceMs, exclusive });
    return { strays, freed: freed.map((slot) => this.#name(slot)).sort() };
  }

  #claims(claims: readonly Claim[]): unknown {
    const named = claims.map((claim) => ({ ...claim, slot: this.#name(claim.slot) }));
    return named.sort((a, b) => a.slot - b.slot);
  }

  #grant(index: number): { readonly slot: string; readonly token: string } {
    return pick(this.#grants, index) ?? { slot: "none", token: "none" };
  }

  /** Slots have a number in the order in which they were heard of. */
  #name(slot: string): number {
    const known = this.#slots.indexOf(slot);
    return known >= 0 ? known : this.#slots.push(slot) - 1;
  }
}

function pick<T>(items: readonly T[], index: number): T | undefined {
  return items[items.length - 1 - (index % Math.max(1, items.length))];
}

/** Does the same to fresh projects of all stores: what each of them said, step by step. */
export async function tell(stores: readonly LeaseStore[], todo: readonly Operation[]): Promise<unknown[][]> {
  const subjects = stores.map((store) => new Subject(store));
  const told: unknown[][] = stores.map(() => []);
  for (const operation of todo)
    for (const [i, subject] of subjects.entries()) told[i]?.push([operation, await subject.do(operation)]);
  return told;
}

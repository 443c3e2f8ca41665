import type { BrowserUse } from "browser-use-client";
import type { Ticket } from "./pool-clerk.ts";

const NAMES = ["Acme", "Borealis", "Cobalt", "Delta", "Ember", "Fjord", "Grove", "Harbor"];

/** A customer, and the profile that keeps its login. */
export interface Customer {
  readonly name: string;
  readonly profileId: string;
}

/** Eight customers, with one profile for each. */
export function customersOf(browserUse: BrowserUse): Promise<Customer[]> {
  return Promise.all(NAMES.map(async (name) => ({ name, profileId: (await browserUse.profiles.ensure({ name })).id })));
}

/** As many tickets for each, in an order that is mixed and always the same. */
export function ticketsOf(customers: readonly Customer[], count: number): Ticket[] {
  const asked = Array.from({ length: count }, (_, index) => customers[index % customers.length]);
  const mixed = asked.map((customer, index) => ({ customer, order: ((index + 3) * 31) % 97 }));
  return mixed
    .sort((a, b) => a.order - b.order)
    .map(({ customer }, index) => ({
      id: index + 1,
      customer: customer?.name ?? "",
      profileId: customer?.profileId ?? "",
    }));
}

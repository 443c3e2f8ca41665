import type { Emulator } from "browser-use-client/emulator";
import type { LeaseCounts } from "browser-use-client/pool";
import type { Customer } from "./pool-customers.ts";
import type { Desk } from "./pool-desk.ts";
import type { Watch } from "./pool-watch.ts";

/** What is judged, once all workers have left. */
export interface Evidence {
  readonly cap: number;
  readonly customers: readonly Customer[];
  readonly desk: Desk;
  readonly emulator: Emulator;
  readonly watch: Watch;
  readonly counts: LeaseCounts;
  readonly logins: number;
  readonly killed: { readonly name: string; readonly ticket: number } | undefined;
}

/** What there is to tell, and what is wrong. The cloud is asked, not the pool. */
export function verdict(evidence: Evidence): { readonly told: readonly string[]; readonly wrong: string[] } {
  return { told: [sessionsOf(evidence), ...givenTwice(evidence)], wrong: wrongsOf(evidence) };
}

function givenTwice({ desk, killed }: Evidence): string[] {
  const twice = [...desk.times].filter(([, times]) => times > 1).map(([id]) => id);
  if (twice.length === 0) return ["No ticket was given out twice."];
  const before = twice.filter((id) => desk.answers.get(id)?.includes("before"));
  const lines = [`Given out twice: ${listOf(twice)}. Found done, and not done again: ${listOf(before)}.`];
  if (!killed) return lines;
  return [
    `Worker ${killed.name} was killed when ticket #${killed.ticket} was done and nobody had been told.`,
    ...lines,
    "No pool can promise that. This agent keeps the numbers of done tickets in the",
    "profile, and the others save that when they stop a dead worker's session.",
  ];
}

function listOf(ids: readonly number[]): string {
  return ids.length === 0 ? "none" : ids.map((id) => `#${id}`).join(" and ");
}

function sessionsOf({ emulator, watch, logins }: Evidence): string {
  const opened = emulator.sessions().length;
  return `${opened} sessions opened, at most ${watch.mostLive} at once, ${watch.sharedProfile ? "TWO" : "never two"} on a profile; ${logins} logins.`;
}

function wrongsOf({ cap, customers, desk, emulator, watch, counts, logins }: Evidence): string[] {
  const ended = emulator.sessions();
  const unsaved = customers.filter((customer) => !isSaved(customer, desk, watch));
  const refused = emulator.requests.filter(({ status }) => status === 429).length;
  const { creating, leased, idle, stopping, unknown } = counts;
  const findings: [boolean, string][] = [
    [desk.answers.size < desk.tickets.length, `only ${desk.answers.size} tickets answered`],
    [unsaved.length > 0, `profiles that do not have each ticket once: ${unsaved.map(({ name }) => name).join(", ")}`],
    [watch.live().length > 0, `${watch.live().length} sessions left`],
    [ended.some(({ status }) => status !== "stopped"), "a session ended without a stop"],
    [creating + leased + idle + stopping + unknown > 0, "slots left in the store"],
    [watch.mostLive > cap, `${watch.mostLive} sessions at once`],
    [refused > 0, `${refused} requests refused by the cloud with 429`],
    [watch.sharedProfile, "two sessions with one profile at once"],
    [logins !== customers.length, `${logins} logins of ${customers.length} customers: a login was lost`],
  ];
  return findings.filter(([isWrong]) => isWrong).map(([, finding]) => finding);
}

function isSaved(customer: Customer, desk: Desk, watch: Watch): boolean {
  const own = desk.tickets.filter(({ profileId }) => profileId === customer.profileId).map(({ id }) => id);
  return String([...watch.saved(customer)].sort((a, b) => a - b)) === String(own.sort((a, b) => a - b));
}

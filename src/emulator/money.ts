/** Amounts are kept in millionths of a dollar, because the service writes decimals. */
export type MicroUsd = number;

/** What a task costs before its first step. */
export const TASK_COST: MicroUsd = 10_000;
/** What every step of an agent costs. */
export const STEP_COST: MicroUsd = 2_000;
/** What a browser costs per hour. */
export const BROWSER_COST_PER_HOUR: MicroUsd = 20_000;

/** An amount as the service writes it: a decimal string, `0.012`. */
export function decimal(amount: MicroUsd): string {
  return (amount / 1_000_000).toFixed(6).replace(/\.?0+$/, "");
}

/** Reads an amount as a request gives it. */
export function microUsd(amount: number | string): MicroUsd {
  return Math.round(Number(amount) * 1_000_000);
}

/** What a browser costs for a time: every minute that has begun, and at least one. */
export function browserCost(ms: number): MicroUsd {
  return Math.round((Math.max(1, Math.ceil(ms / 60_000)) * BROWSER_COST_PER_HOUR) / 60);
}

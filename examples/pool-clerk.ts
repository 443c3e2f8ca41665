import type { V3OpenRequest, V3Session } from "browser-use-client";
import type { PoolOptions, SessionPool } from "browser-use-client/pool";

/** What a customer asks for. */
export interface Ticket {
  readonly id: number;
  readonly customer: string;
  readonly profileId: string;
}

/** What the desk tells a worker. */
export type Order = { readonly type: "answer"; readonly ticket: Ticket } | { readonly type: "close" };

/** What a worker tells the desk. */
export type News =
  | { readonly type: "ready" }
  | { readonly type: "leased"; readonly id: number; readonly sessionId: string; readonly uses: number }
  | { readonly type: "answered"; readonly id: number; readonly answer: string }
  | { readonly type: "failed"; readonly id: number; readonly why: string }
  | { readonly type: "stopped"; readonly sessionId: string; readonly why: string }
  | { readonly type: "closed" };

/** For a demo all is quick. In earnest leave these out: the defaults are some fifteen times as long. */
export const POOL_OPTIONS = {
  // A customer's session stays warm for the customer's next ticket; its end saves the profile.
  saveProfile: "on-idle",
  idleTimeoutMs: 2_500,
  leaseMs: 2_000,
  createTimeoutMs: 4_000,
  graceMs: 5_000,
  holdMs: 6_000,
  stopRetryMs: 3_000,
  reapIntervalMs: 500,
  reconcileIntervalMs: 3_000,
  // Nobody else uses the emulator.
  ownership: "exclusive",
} satisfies PoolOptions;

/** Answers a ticket in the session of its customer: the warm one, or a new one that starts from the profile. */
export async function answer(
  pool: SessionPool<V3OpenRequest, V3Session>,
  { id, customer, profileId }: Ticket,
  tell: (news: News) => void,
): Promise<void> {
  try {
    const output = await pool.use({ key: `customer:${customer}`, profileId }, async (session, { uses }) => {
      tell({ type: "leased", id, sessionId: session.id, uses });
      return (await session.run(`Answer ticket ${id}`)).output;
    });
    tell({ type: "answered", id, answer: String(output) });
  } catch (error) {
    tell({ type: "failed", id, why: error instanceof Error ? error.message : String(error) });
  }
}

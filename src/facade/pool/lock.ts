import { Deadline, sleep } from "../call/wait.ts";
import { LeaseStoreError } from "../errors.ts";
import { answered } from "./answering.ts";
import type { LeaseStore } from "./lease-store.ts";

/** Longer than what is done under a lock may take: a lock whose holder is gone ends by itself. */
const LOCK_MS = 60_000;
const LOOK_MS = 100;

/**
 * Does `work` while nobody else on the store does the same.
 *
 * @throws {@link LeaseStoreError} when the store fails, or somebody has the lock for longer than it should be needed.
 */
export async function withLock<T>(store: LeaseStore, name: string, work: () => Promise<T>): Promise<T> {
  const token = await lock(store, name);
  try {
    return await work();
  } finally {
    // Not heard, it ends by itself.
    await answered(store.unlock(name, token)).catch(() => {});
  }
}

async function lock(store: LeaseStore, name: string): Promise<string> {
  const deadline = new Deadline(LOCK_MS);
  while (!deadline.isOver) {
    const token = await answered(store.lock(name, LOCK_MS));
    if (token !== undefined) return token;
    await sleep(LOOK_MS * (0.5 + Math.random()));
  }
  throw new LeaseStoreError(`Another process has had a lock for ${LOCK_MS} ms.`);
}

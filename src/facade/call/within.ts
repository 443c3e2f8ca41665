import { onAbort } from "./on-abort.ts";

/**
 * Does work under a signal of its own, which aborts with the caller's signal, or with what `timeUp` gives when the time is over.
 * The work ends when its signal aborts; nothing is left behind.
 */
export async function within<T>(
  limitMs: number,
  timeUp: () => Error,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  if (limitMs <= 0) throw timeUp();
  const control = new AbortController();
  const leave = () => control.abort(signal?.reason);
  const timer = setTimeout(() => control.abort(timeUp()), limitMs);
  const stay = onAbort(signal, leave);
  try {
    return await work(control.signal);
  } finally {
    clearTimeout(timer);
    stay();
  }
}

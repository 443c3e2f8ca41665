interface Listening {
  readonly acts: Set<() => void>;
  readonly fire: () => void;
}

const listening = new WeakMap<AbortSignal, Listening>();

/**
 * Calls `act` when the signal aborts, and gives what takes that back. However many calls share a signal, it has one listener: Node warns
 * of a leak where there are more than ten.
 */
export function onAbort(signal: AbortSignal | undefined, act: () => void): () => void {
  if (!signal) return () => {};
  const { acts, fire } = listening.get(signal) ?? listen(signal);
  // Wrapped, so that the same function can be given twice.
  const once = () => act();
  acts.add(once);
  return () => {
    acts.delete(once);
    if (acts.size > 0 || listening.get(signal)?.acts !== acts) return;
    listening.delete(signal);
    signal.removeEventListener("abort", fire);
  };
}

function listen(signal: AbortSignal): Listening {
  const acts = new Set<() => void>();
  const fire = () => {
    listening.delete(signal);
    for (const act of acts) act();
  };
  const known = { acts, fire };
  listening.set(signal, known);
  signal.addEventListener("abort", fire, { once: true });
  return known;
}

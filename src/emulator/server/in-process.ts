import type { Front } from "./http.ts";
import { ConnectionDropped } from "./problem.ts";

/** A `fetch` that goes to a server without a socket between: what breaks rejects as `fetch` has it. */
export function fetchFrom(
  server: Front,
  isClosed: () => boolean,
): (input: Request | string | URL, init?: RequestInit) => Promise<Response> {
  return async (input, init) => {
    const request = new Request(input, init);
    request.signal.throwIfAborted();
    if (isClosed()) throw networkError("ECONNREFUSED");
    const answer = server.answer(request, init?.body instanceof ReadableStream).catch((error: unknown) => {
      throw error instanceof ConnectionDropped ? networkError("ECONNRESET") : error;
    });
    return orAborted(answer, request.signal);
  };
}

/** What `fetch` rejects with when a connection breaks. */
function networkError(code: string): TypeError {
  return new TypeError("fetch failed", { cause: Object.assign(new Error(`read ${code}`), { code }) });
}

function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

import { fail, SpecError } from "../spec/problem.ts";
import { assertSize, type Bytes } from "./source.ts";

/** For all of it: connecting, redirects, and the last byte. */
const TIMEOUT_MS = 30_000;
const MAX_REDIRECTS = 5;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * Reads an address. Only https, also after a redirect; plain http on loopback. No key, cookie or other secret is sent.
 *
 * @throws {@link SpecError} naming the address.
 */
export async function download(address: string, timeoutMs: number = TIMEOUT_MS): Promise<Bytes> {
  const url = allowed(address);
  const file = nameOf(url);
  try {
    const response = await answerOf(url, AbortSignal.timeout(timeoutMs));
    return { file, bytes: await bodyOf(response, file) };
  } catch (error) {
    if (error instanceof SpecError) throw error;
    return fail(file, "", `cannot be downloaded (${reasonOf(error)})`);
  }
}

async function answerOf(start: URL, signal: AbortSignal): Promise<Response> {
  let url = start;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await fetch(url, { redirect: "manual", signal, credentials: "omit" });
    const location = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || location === null) return succeeded(response, url);
    await response.body?.cancel();
    url = allowed(new URL(location, url).href, url);
  }
  return fail(nameOf(start), "", `redirects more than ${MAX_REDIRECTS} times`);
}

/** @param from where a redirect comes from; it may not lead from https to http, nor to loopback from elsewhere. */
function allowed(address: string, from?: URL): URL {
  const url = URL.canParse(address) ? new URL(address) : fail(address, "", "is no address");
  const secure = url.protocol === "https:";
  const local =
    url.protocol === "http:" && LOOPBACK.test(url.hostname) && (from === undefined || from.protocol === "http:");
  if (!secure && !local) fail(nameOf(url), "", "is not read: only https is, and http on this machine");
  if (url.username !== "" || url.password !== "")
    fail(nameOf(url), "", "holds a password; give the address without it");
  return url;
}

function succeeded(response: Response, url: URL): Response {
  return response.ok ? response : fail(nameOf(url), "", `answers ${response.status}; is the address right?`);
}

/** Counts what arrives after decompression: a small answer may unfold to a huge one. */
async function bodyOf(response: Response, file: string): Promise<Uint8Array> {
  assertSize(Number(response.headers.get("content-length") ?? 0), file);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    assertSize(size, file);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function nameOf({ origin, protocol, host, pathname }: URL): string {
  return `${origin === "null" ? `${protocol}//${host}` : origin}${pathname}`;
}

function reasonOf(error: unknown): string {
  const { name, message, cause } = error instanceof Error ? error : new Error(String(error));
  if (name === "TimeoutError") return "it takes too long";
  return cause instanceof Error ? cause.message || cause.name : message;
}

import { LeaseStoreError } from "../errors.ts";
import type { RedisLink } from "./redis-client.ts";
import type { ScriptName } from "./redis-scripts.ts";

/** Runs a script with a key of the hash slot that it works on, and one argument. */
export type RunScript = (name: ScriptName, key: string, argument: string) => Promise<unknown>;

/** Sends one command and fails as a store fails. */
export type SendCommand = (asked: string, ...args: readonly string[]) => Promise<unknown>;

/** Gives each command its time limit: the clients of both libraries queue commands without end while they are offline. */
export function commandsOf(link: RedisLink, timeoutMs: number): SendCommand {
  return async (asked, ...args) => {
    const control = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new LeaseStoreError(`Redis did not answer ${asked} within ${timeoutMs} ms; it may have done it.`));
        control.abort();
      }, timeoutMs);
    });
    try {
      return await Promise.race([link.send(args, control.signal), timeout]);
    } catch (reason) {
      throw reason instanceof LeaseStoreError ? reason : failed(asked, reason);
    } finally {
      clearTimeout(timer);
    }
  };
}

/** The client's own error carries the command with its arguments, among them a password: only its words are passed on. */
function failed(asked: string, reason: unknown): LeaseStoreError {
  const { name, message } = reason instanceof Error ? reason : new Error(String(reason));
  const words = message.replace(/\b[\w+.-]+:\/\/\S+/g, "(address)");
  const cause = Object.assign(new Error(words), { name });
  return new LeaseStoreError(`Redis failed at ${asked}: ${words}. It may have been done.`, { cause });
}

/** Sends scripts by their digest, and whole when the server does not have them: it forgets them at a restart. */
export function scriptRunner(send: SendCommand, scripts: Readonly<Record<ScriptName, string>>): RunScript {
  const digests = new Map<ScriptName, Promise<string>>();
  const digestOf = (name: ScriptName) => {
    const digest = digests.get(name) ?? sha1(scripts[name]);
    digests.set(name, digest);
    return digest;
  };
  return async (name, key, argument) => {
    try {
      return await send(name, "EVALSHA", await digestOf(name), "1", key, argument);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return send(name, "EVAL", scripts[name], "1", key, argument);
    }
  };
}

async function sha1(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text)));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof LeaseStoreError && causeOf(error).startsWith("NOSCRIPT");
}

/**
 * Refuses a server that may throw slots away when its memory is full. One that does not tell is believed.
 *
 * @throws {@link LeaseStoreError} naming the policy.
 */
export async function checkMemoryPolicy(send: SendCommand): Promise<void> {
  const info = await send("INFO", "INFO", "memory").catch(unlessRefused);
  const lines = new Map(String(info).split(/\r?\n/).map(splitAtColon));
  const policy = lines.get("maxmemory_policy") ?? "noeviction";
  if (Number(lines.get("maxmemory") ?? 0) === 0 || policy === "noeviction") return;
  throw new LeaseStoreError(
    `Redis may evict what the pool counts on: its maxmemory-policy is ${policy}. Set it to noeviction, or use another Redis.`,
  );
}

function splitAtColon(line: string): [string, string] {
  const at = line.indexOf(":");
  return [line.slice(0, at), line.slice(at + 1)];
}

/** A server's own refusals begin with a code in capitals. */
function unlessRefused(error: unknown): string {
  if (error instanceof LeaseStoreError && /^[A-Z]+ /.test(causeOf(error))) return "";
  throw error;
}

function causeOf({ cause }: LeaseStoreError): string {
  return cause instanceof Error ? cause.message : "";
}

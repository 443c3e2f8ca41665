import { setTimeout as sleep } from "node:timers/promises";
import { ConnectionDropped } from "./problem.ts";

/** A fault to put in the way of requests. Rules that are left out match everything. */
export interface FaultRule {
  readonly method?: string;
  /** The path as the spec writes it (`/v2/tasks/…`; `/s3/…` for files) or its template (`/v2/tasks/{task_id}`), or a pattern for the path. */
  readonly path?: string | RegExp;
  /** How many requests it hits. Default: 1. */
  readonly times?: number;
  /** Answers with this status instead; 200 when only a body is given. */
  readonly status?: number;
  /** A text is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  /** Added to the answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Carries the request out before answering with `status`: the reply lies. Default: false. */
  readonly carriedOut?: boolean;
  /** Resets the connection: before the request is carried out, or after it. */
  readonly drop?: "before" | "after";
  /** Breaks the connection when so many bytes of the answer's body were sent; a body that has no more than that is sent as it is. With 0 not even the headers come. */
  readonly dropAfterBytes?: number;
  /** Holds the request back first. */
  readonly delayMs?: number;
}

/** A fault that was put in. */
export interface Fault {
  /** How many requests it has hit. */
  readonly hits: number;
  /** Takes it out again. */
  remove(): void;
}

interface Entry {
  readonly rule: FaultRule;
  hits: number;
}

/** The faults that are in force; the one put in first comes first. */
export class Faults {
  readonly #rules: Entry[] = [];

  add(rule: FaultRule): Fault {
    const entry: Entry = { rule, hits: 0 };
    this.#rules.push(entry);
    return {
      get hits() {
        return entry.hits;
      },
      remove: () => this.#remove(entry),
    };
  }

  /** The rule that hits a request, used up by one. */
  take(method: string, path: string, template: string | undefined): FaultRule | undefined {
    const entry = this.#rules.find(({ rule }) => matches(rule, method, path, template));
    if (!entry) return undefined;
    entry.hits += 1;
    if (entry.hits >= (entry.rule.times ?? 1)) this.#remove(entry);
    return entry.rule;
  }

  #remove(entry: Entry): void {
    const at = this.#rules.indexOf(entry);
    if (at >= 0) this.#rules.splice(at, 1);
  }
}

/** The answer a rule puts in place of the real one; undefined when it leaves that. */
export function faultAnswer(rule: FaultRule): Response | undefined {
  if (rule.status === undefined && rule.body === undefined) return undefined;
  const status = rule.status ?? 200;
  const text =
    typeof rule.body === "string" ? rule.body : JSON.stringify(rule.body ?? { detail: "A fault of the emulator" });
  const empty = status === 204 || status === 304;
  return new Response(empty ? null : text, {
    status,
    headers: { "Content-Type": typeof rule.body === "string" ? "text/plain" : "application/json", ...rule.headers },
  });
}

/** An answer that breaks off in its body. */
export function cutShort(response: Response, limit: number): Response {
  const reader = response.body?.getReader();
  if (!reader) return response;
  let left = limit;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      if (left > 0) controller.enqueue(value.subarray(0, left));
      left -= value.length;
      if (left >= 0) return;
      await reader.cancel();
      // What was sent must reach the client before the connection breaks.
      await sleep(20);
      controller.error(new TypeError("terminated", { cause: new ConnectionDropped() })); // as fetch words it
    },
  });
  return new Response(body, response);
}

function matches(rule: FaultRule, method: string, path: string, template: string | undefined): boolean {
  if (rule.method !== undefined && rule.method.toUpperCase() !== method) return false;
  if (rule.path === undefined) return true;
  return typeof rule.path === "string"
    ? rule.path === path || rule.path === template
    : new RegExp(rule.path).test(path);
}

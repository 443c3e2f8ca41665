import nock from "nock";
import { BrowserUse, type BrowserUseOptions } from "../../src/index.ts";

const BROWSER_USE = "https://api.browser-use.com/api";
/** The key that these tests use. */
export const KEY = "bu_wire";

/** A request as it left the process. */
export interface WireRequest {
  readonly operation: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** What answers, and what was sent to it. */
export class Wire {
  readonly sent: WireRequest[] = [];
  readonly headers: Readonly<Record<string, string>>[] = [];
  readonly #base: string;

  /** `base`: another service than Browser Use. */
  constructor(base: string = BROWSER_USE) {
    this.#base = base;
  }

  /** Answers the next request for the operation. */
  on(operation: string, reply: object | undefined, status = 200): this {
    const [method = "", path = ""] = operation.split(" ");
    const { sent, headers } = this;
    const { origin, pathname } = new URL(this.#base);
    nock(origin)
      .intercept(`${pathname.replace(/\/$/, "")}${path}`, method)
      .query(true)
      .reply(function (uri, body) {
        const query = Object.fromEntries(new URL(uri, origin).searchParams);
        const hasQuery = Object.keys(query).length > 0;
        sent.push({ operation, ...(hasQuery && { query }), ...(body !== "" && { body }) });
        headers.push(this.req.headers);
        return [status, reply];
      });
    return this;
  }

  client(options: BrowserUseOptions = {}): BrowserUse {
    return new BrowserUse({ apiKey: KEY, baseUrl: BROWSER_USE, maxRetries: 0, ...options });
  }
}

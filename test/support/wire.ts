import nock from "nock";
import { BrowserUse, type BrowserUseOptions } from "../../src/index.ts";

const HOST = "https://api.browser-use.com";
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

  /** Answers the next request for the operation. */
  on(operation: string, reply: object | undefined, status = 200): this {
    const [method = "", path = ""] = operation.split(" ");
    const { sent, headers } = this;
    nock(HOST)
      .intercept(`/api${path}`, method)
      .query(true)
      .reply(function (uri, body) {
        const query = Object.fromEntries(new URL(uri, HOST).searchParams);
        const hasQuery = Object.keys(query).length > 0;
        sent.push({ operation, ...(hasQuery && { query }), ...(body !== "" && { body }) });
        headers.push(this.req.headers);
        return [status, reply];
      });
    return this;
  }

  client(options: BrowserUseOptions = {}): BrowserUse {
    return new BrowserUse({ apiKey: KEY, baseUrl: `${HOST}/api`, maxRetries: 0, ...options });
  }
}

import type { Context } from "./context.ts";
import type { CallOptions, Ok } from "./types.ts";

/** The project's account. `rateLimit` is the cap of sessions that are live at the same time. */
export interface Account extends Readonly<Ok<"/v3/billing/account", "get">> {}

/** What the project may spend, and how many sessions it may have. */
export class Billing {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /**
   * Asks for balance, plan and cap.
   *
   * @see `GET /v3/billing/account`
   */
  async account(options: CallOptions = {}): Promise<Account> {
    return (await this.#context.api.GET("/v3/billing/account", options)).data;
  }
}

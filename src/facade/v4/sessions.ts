import { complete } from "../call/answers.ts";
import { checkId } from "../call/check.ts";
import type { Context } from "../context.ts";
import type { CallOptions } from "../types.ts";
import { OpenSession } from "./open-session.ts";
import { isTerminal } from "./runs.ts";

/** Sessions of v4: what one run leaves for the next. */
export class V4Sessions {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /**
   * Ends what a session has open: its latest run is cancelled if it is at work, and its browsers are stopped, which ends what they cost and
   * saves the profile. Resolves when that is confirmed, under a deadline of its own, 30 s with retries. A follow-up may open it again.
   *
   * v4 has no call that ends a session; that its browsers are those whose `agentSessionId` names it is our reading, not the vendor's word.
   *
   * @throws {@link SessionNotStoppedError} when the end is not confirmed; it may still cost money.
   * @throws {@link NotFoundError} when there is no such session.
   * @see `GET /v4/sessions/{session_id}`
   * @see `POST /v4/runs/{run_id}/cancel`
   * @see `PATCH /v4/browsers/{session_id}`
   */
  async stop(id: string): Promise<void> {
    const { api } = this.#context;
    const path = { session_id: checkId("session id", id) };
    const latest = async (options: CallOptions) =>
      complete(
        await api.GET("/v4/sessions/{session_id}", { params: { path }, ...options }),
        "GET /v4/sessions/{session_id}",
        "status",
        "latestRunId",
      );
    // Whether there is one at all is worth knowing before anything is stopped.
    let known = await latest({});
    const cancel = (options: CallOptions) =>
      api.POST("/v4/runs/{run_id}/cancel", { params: { path: { run_id: known.latestRunId } }, ...options });
    const runs = {
      cancel: async (options: CallOptions) => isTerminal(known.status) || cancel(options),
      haveEnded: async (options: CallOptions) => {
        known = await latest(options);
        // A message that waited for its turn may have become the next run.
        if (!isTerminal(known.status)) await cancel(options);
        return isTerminal(known.status);
      },
    };
    await new OpenSession(api, id, runs, { onClosed: () => {} }).stop();
  }
}

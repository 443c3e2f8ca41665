import { complete } from "../call/answers.ts";
import { checkId } from "../call/check.ts";
import type { Context } from "../context.ts";
import type { CallOptions } from "../types.ts";
import type { Holders } from "./holders.ts";
import { OpenSession } from "./open-session.ts";
import { isTerminal } from "./runs.ts";

/** Sessions of v4: what one run leaves for the next. */
export class V4Sessions {
  readonly #context: Context;
  readonly #holders: Holders;

  constructor(context: Context, holders: Holders) {
    this.#context = context;
    this.#holders = holders;
  }

  /**
   * Ends what a session has open: its latest run is cancelled if it is at work, and its browsers are stopped, which ends what they cost and
   * saves the profile, which this client's next session may have then. Resolves when that is confirmed, under a deadline of its own, 30 s
   * with retries. A follow-up may open it again, and so may a message in its queue that becomes a run only afterwards.
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
    const sessionId = checkId("session id", id);
    const path = { session_id: sessionId };
    const latest = async (options: CallOptions) => {
      const answer = await api.GET("/v4/sessions/{session_id}", { params: { path }, ...options });
      const { status, latestRunId } = complete(answer, "GET /v4/sessions/{session_id}", "status", "latestRunId");
      return isTerminal(status) ? null : latestRunId;
    };
    // Whether there is one at all is worth knowing before anything is stopped.
    const known = await latest({});
    // A message that waited for its turn may have become the next run: that is the latest one then.
    const runs = { known: () => known, atWork: latest };
    await new OpenSession(api, sessionId, runs, { onClosed: () => this.#holders.of(sessionId)?.letGo() }).stop();
  }
}

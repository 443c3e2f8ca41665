import type { V3Message, V3View } from "../../src/index.ts";
import type { Reply, Service } from "./service.ts";
import { conversation, v3View } from "./views.ts";

/** What happens to a session, and when: milliseconds after the dispatch, and the fields that change or the message that is written. */
export type Event = readonly [ms: number, change: Partial<V3View> | V3Message];

/** A v3 session that the test plays: it stands somewhere, and events follow each dispatch. */
export class PlayedSession {
  #view: V3View;
  #messages: readonly V3Message[];
  #plan: { readonly at: number; readonly change: Event[1] }[] = [];
  dispatches = 0;

  constructor(service: Service, view: Partial<V3View> = {}, messages: readonly V3Message[] = []) {
    this.#view = v3View(view);
    this.#messages = messages;
    const { id } = this.#view;
    service
      .on(`GET /v3/sessions/${id}`, () => this.view)
      .on(
        `GET /v3/sessions/${id}/messages`,
        conversation(() => this.messages),
      );
  }

  get view(): V3View {
    this.#catchUp();
    return this.#view;
  }

  get messages(): readonly V3Message[] {
    this.#catchUp();
    return this.#messages;
  }

  /** The reply to a dispatch, and what it sets off. */
  dispatch(...events: readonly Event[]): Reply {
    return () => {
      this.dispatches++;
      this.play(...events);
      return this.view;
    };
  }

  /** Plans events from now on. */
  play(...events: readonly Event[]): void {
    const now = performance.now();
    this.#plan.push(...events.map(([ms, change]) => ({ at: now + ms, change })));
    this.#plan.sort((a, b) => a.at - b.at);
  }

  #catchUp(): void {
    for (let next = this.#plan[0]; next && next.at <= performance.now(); next = this.#plan[0]) {
      const { change } = next;
      if ("role" in change) this.#messages = [...this.#messages, change];
      else this.#view = { ...this.#view, ...change };
      this.#plan.shift();
    }
  }
}

import type { Listener, RedisLink } from "./redis-client.ts";

/**
 * Listens for wake-up hints on one connection of its own, which is opened for the first who listens and closed after the last. A
 * channel has one listener; a new one takes the place of the old.
 */
export class WakeLine {
  readonly #link: RedisLink;
  readonly #heard = new Map<string, (token: string) => void>();
  #listener: Listener | undefined;

  constructor(link: RedisLink) {
    this.#link = link;
  }

  watch(channel: string, wake: (token: string) => void): () => void {
    const isNew = !this.#heard.has(channel);
    this.#heard.set(channel, wake);
    if (isNew) this.#listen()?.subscribe(channel, (token) => this.#heard.get(channel)?.(token));
    return () => {
      if (this.#heard.get(channel) === wake) this.#unwatch(channel);
    };
  }

  #listen(): Listener | undefined {
    this.#listener ??= this.#link.listen();
    return this.#listener;
  }

  #unwatch(channel: string): void {
    this.#heard.delete(channel);
    this.#listener?.unsubscribe(channel);
    if (this.#heard.size > 0) return;
    this.#listener?.close();
    this.#listener = undefined;
  }
}

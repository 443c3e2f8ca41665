import { InvalidInputError } from "../errors.ts";

/** What is used of a client of `redis` (node-redis): `createClient(…)`, connected. */
export interface NodeRedisClient {
  sendCommand(args: readonly string[], options?: { readonly abortSignal?: AbortSignal }): Promise<unknown>;
  /** For a connection of its own to listen on. Without it, waiters are not woken and ask from time to time. */
  duplicate?(): NodeRedisSubscriber;
}

/** What is used of a duplicate of a {@link NodeRedisClient}. */
export interface NodeRedisSubscriber {
  on(event: "error", listener: (error: unknown) => void): unknown;
  connect(): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  destroy(): void;
}

/** What is used of a client of `ioredis`: `new Redis(…)`. */
export interface IoredisClient {
  call(command: string, ...args: string[]): Promise<unknown>;
  /** For a connection of its own to listen on. Without it, waiters are not woken and ask from time to time. */
  duplicate?(): IoredisSubscriber;
}

/** What is used of a duplicate of an {@link IoredisClient}. */
export interface IoredisSubscriber {
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "message", listener: (channel: string, message: string) => void): unknown;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  disconnect(): void;
}

/** A client of one of the two common libraries. It stays the caller's: it is neither connected nor closed here. */
export type RedisClient = NodeRedisClient | IoredisClient;

/** The two libraries behind one face. */
export interface RedisLink {
  /** Sends one command. A command that still waits in the client when `signal` aborts is taken back where the client can do that. */
  send(args: readonly string[], signal: AbortSignal): Promise<unknown>;
  /** Opens a connection that listens; undefined where the client cannot. It brings itself back and never fails aloud. */
  listen(): Listener | undefined;
}

/** A connection that listens. */
export interface Listener {
  subscribe(channel: string, hear: (message: string) => void): void;
  unsubscribe(channel: string): void;
  close(): void;
}

/**
 * Tells the two libraries apart by what their clients can do.
 *
 * @throws {@link InvalidInputError} when it is neither's.
 */
export function redisLink(client: RedisClient): RedisLink {
  if (isObject(client) && "call" in client && typeof client.call === "function") return ioredisLink(client);
  if (isObject(client) && "sendCommand" in client && typeof client.sendCommand === "function")
    return nodeRedisLink(client);
  throw new InvalidInputError("client must be one of node-redis (createClient) or ioredis (new Redis).");
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function nodeRedisLink(client: NodeRedisClient): RedisLink {
  return {
    send: (args, abortSignal) => client.sendCommand(args, { abortSignal }),
    listen: () => client.duplicate && nodeRedisListener(client.duplicate()),
  };
}

function nodeRedisListener(subscriber: NodeRedisSubscriber): Listener {
  subscriber.on("error", ignore);
  const connected = subscriber.connect();
  connected.catch(ignore);
  return {
    subscribe: (channel, hear) => void connected.then(() => subscriber.subscribe(channel, hear)).catch(ignore),
    unsubscribe: (channel) => void connected.then(() => subscriber.unsubscribe(channel)).catch(ignore),
    close: () => attempt(() => subscriber.destroy()),
  };
}

function ioredisLink(client: IoredisClient): RedisLink {
  return {
    send: ([command = "", ...args]) => client.call(command, ...args),
    listen: () => client.duplicate && ioredisListener(client.duplicate()),
  };
}

function ioredisListener(subscriber: IoredisSubscriber): Listener {
  const hearing = new Map<string, (message: string) => void>();
  subscriber.on("error", ignore);
  subscriber.on("message", (channel, message) => hearing.get(channel)?.(message));
  return {
    subscribe: (channel, hear) => {
      hearing.set(channel, hear);
      subscriber.subscribe(channel).catch(ignore);
    },
    unsubscribe: (channel) => {
      hearing.delete(channel);
      subscriber.unsubscribe(channel).catch(ignore);
    },
    close: () => attempt(() => subscriber.disconnect()),
  };
}

/** Waking is a hint, and asking from time to time the truth: what goes wrong with a hint is nobody's concern. */
function ignore(): void {}

function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // It was closed already.
  }
}

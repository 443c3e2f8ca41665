import type { Front, Wanted } from "./fronts.ts";
import type { RawRequest } from "./wire.ts";

/** One request, right or wrong, and what the two stores say to it. */
export interface Row {
  readonly title: string;
  readonly request: MakeRequest;
  readonly gateway: string;
  readonly emulator: string;
  /** Why one of them answers with another status. The emulator follows S3, so far as anybody here knows S3. */
  readonly because?: string;
}

/** Has something signed, and makes a request of it. */
export type MakeRequest = (front: Front) => Promise<RawRequest>;

/** Makes a right request wrong. */
export type Change = (request: RawRequest) => RawRequest;

/** A row to which both say the same, or the same with another code. */
export function same(title: string, request: MakeRequest, gateway: string, emulator = gateway): Row {
  return { title, request, gateway, emulator };
}

/** A row to which they say different things. */
export function different(
  title: string,
  request: MakeRequest,
  gateway: string,
  emulator: string,
  because: string,
): Row {
  return { title, request, gateway, emulator, because };
}

/** What is signed for, and what is sent unless a row says otherwise. */
export const DATA: Buffer = Buffer.from("hello");
export const TYPE = "text/plain";
export const WANTED: Wanted = { type: TYPE, sizeBytes: DATA.length };
export const EXPIRED: Wanted = { ...WANTED, isExpired: true };

/** Why the gateway lets pass what S3 and the emulator do not, where the reason is the same each time. */
export const KEY_SHOWS = "no store minds the header, but the emulator shows a client that gives its key away";
export const UNSIGNED = "the gateway does not ask whether headers for the store were signed";

export function withHeader(name: string, value: string): Change {
  return (request) => ({ ...request, headers: [...(request.headers ?? []), [name, value]] });
}

export function withQuery(name: string, value: string | undefined): Change {
  return (request) => {
    const url = new URL(request.url);
    if (value === undefined) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
    return { ...request, url: url.href };
  };
}

export const withoutQuery: Change = (request) => ({ ...request, url: request.url.replace(/\?.*/, "") });
export const withOtherKey: Change = (request) => ({ ...request, url: request.url.replace("?", "-other?") });

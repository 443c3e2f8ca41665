import { checkBody } from "./check-body.ts";
import type { Body, Opened } from "./types.ts";

/** A session as it is asked for. */
export type SessionBody = NonNullable<Body<"/v1/browser_sessions", "post">>;
type Extension = NonNullable<SessionBody["extensions"]>[number];

/** What a session is opened with, as the service takes it. `timeout`: in minutes, 5 to 1440; the service may allow less, and warns then. */
export interface SkyvernOpenRequest
  extends Readonly<Omit<SessionBody, "proxy_location" | "extensions" | "browser_type">> {
  /** Where requests come from. Null or left out, no proxy is asked for. It is not told back. */
  readonly proxy_location?: Opened<SessionBody["proxy_location"]>;
  /** `captcha-solver` needs Skyvern's own cloud, and another browser than `chrome`. */
  readonly extensions?: readonly Opened<Extension>[] | null | undefined;
  /** Left out, the service chooses. A profile's own browser wins. */
  readonly browser_type?: Opened<SessionBody["browser_type"]>;
}

/** Checks a request, and gives it as it is sent: nothing is clamped. */
export function sessionBody(request: SkyvernOpenRequest): SessionBody {
  // Places, extensions and browsers are open lists: the service may know more of them than its spec does.
  return checkBody("POST /v1/browser_sessions", request) as SessionBody;
}

import { InvalidInputError } from "./errors.ts";
import type { Body } from "./types.ts";

type CustomProxy = NonNullable<NonNullable<Body<"/v2/sessions", "post">>["customProxy"]>;

/** A proxy of your own: the object of the spec, or a URL such as `http://user:password@proxy.test:8080`. */
export type CustomProxyInput = CustomProxy | string;

interface Settings {
  readonly proxyCountryCode?: string | null | undefined;
  readonly customProxy?: CustomProxyInput | null | undefined;
  readonly browserScreenWidth?: number | null | undefined;
  readonly browserScreenHeight?: number | null | undefined;
}

/**
 * What a browser is opened with, after the checks that the spec's limits cannot express.
 *
 * @throws {@link InvalidInputError} for half a screen size, a country in upper case, `gb`, or a proxy URL that is none.
 */
export function browserSettings<T extends Settings>(
  request: T,
): Omit<T, "customProxy"> & { customProxy?: CustomProxy | null } {
  checkCountry(request.proxyCountryCode);
  checkScreen(request);
  const { customProxy, ...rest } = request;
  if (customProxy === undefined) return rest;
  return { ...rest, customProxy: typeof customProxy === "string" ? parseProxy(customProxy) : customProxy };
}

function checkCountry(code: string | null | undefined): void {
  if (typeof code !== "string" || (/^[a-z]{2}$/.test(code) && code !== "gb")) return;
  const meant = code.toLowerCase() === "gb" ? "uk" : code.toLowerCase();
  const advice = /^[a-z]{2}$/.test(meant) ? `; write ${JSON.stringify(meant)}` : "";
  throw new InvalidInputError(
    `proxyCountryCode must be two lower-case letters of the service's list${advice}, or null for no proxy.`,
  );
}

function checkScreen({ browserScreenWidth: width, browserScreenHeight: height }: Settings): void {
  if ((width == null) === (height == null)) return;
  throw new InvalidInputError("browserScreenWidth and browserScreenHeight must be given together.");
}

/** The URL is never repeated in a message: it may hold the password. */
function parseProxy(text: string): CustomProxy {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url?.hostname || !/^https?:$/.test(url.protocol) || url.port === "0" || hasMore(url)) {
    throw new InvalidInputError(
      "customProxy must be a URL such as http://user:password@host:8080, with special characters percent-encoded, or an object with host and port.",
    );
  }
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  const { username, password } = url;
  return {
    host: url.hostname,
    port,
    ...(username && { username: decode(username) }),
    ...(password && { password: decode(password) }),
  };
}

/** A "/", "?" or "#" in a password that is not encoded ends the host: what stands before it would be taken for host and port. */
function hasMore({ pathname, search, hash }: URL): boolean {
  return pathname !== "/" || search !== "" || hash !== "";
}

/** A "%" that encodes nothing stands for itself. */
function decode(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (codes) => {
    try {
      return decodeURIComponent(codes);
    } catch {
      return codes;
    }
  });
}

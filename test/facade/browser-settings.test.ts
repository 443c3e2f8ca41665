import { describe, expect, test } from "vitest";
import { browserSettings } from "../../src/facade/browser-settings.ts";
import { InvalidInputError } from "../../src/index.ts";

function refusal(request: object): string {
  try {
    browserSettings(request);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidInputError);
    return (error as Error).message;
  }
  throw new Error(`Expected a refusal of ${JSON.stringify(request)}.`);
}

describe("the proxy's country", () => {
  test.each(["us", "uk", "de", "xx", null, undefined])(
    "%s goes through as it is: the list is the service's",
    (code) => {
      expect(browserSettings({ proxyCountryCode: code })).toEqual({ proxyCountryCode: code });
    },
  );

  test.each([
    ["gb", 'write "uk"'],
    ["GB", 'write "uk"'],
    ["US", 'write "us"'],
    ["De", 'write "de"'],
  ])("%s is refused, and the message says what to write", (code, advice) => {
    expect(refusal({ proxyCountryCode: code })).toContain(advice);
  });

  test.each(["", "usa", "u", "u1", "us ", "de-DE", "Germany"])("%j is refused", (code) => {
    const message = refusal({ proxyCountryCode: code });
    expect(message).toContain("proxyCountryCode must be two lower-case letters");
    expect(message).not.toContain("write");
  });
});

describe("the screen", () => {
  test.each([
    { browserScreenWidth: 1280 },
    { browserScreenHeight: 720 },
    { browserScreenWidth: 1280, browserScreenHeight: null },
    { browserScreenWidth: null, browserScreenHeight: 720 },
  ])("%j is half a size, and refused", (request) => {
    expect(refusal(request)).toBe("browserScreenWidth and browserScreenHeight must be given together.");
  });

  test.each([
    {},
    { browserScreenWidth: 1280, browserScreenHeight: 720 },
    { browserScreenWidth: null, browserScreenHeight: null },
  ])("%j goes through", (request) => {
    expect(browserSettings(request)).toEqual(request);
  });
});

describe("a proxy of one's own", () => {
  test.each([
    ["http://proxy.test:8080", { host: "proxy.test", port: 8080 }],
    ["http://proxy.test:8080/", { host: "proxy.test", port: 8080 }],
    ["https://proxy.test:8443", { host: "proxy.test", port: 8443 }],
    ["http://proxy.test", { host: "proxy.test", port: 80 }],
    ["https://proxy.test", { host: "proxy.test", port: 443 }],
    ["https://proxy.test:80", { host: "proxy.test", port: 80 }],
    ["HTTP://Proxy.Test:3128", { host: "proxy.test", port: 3128 }],
    ["http://10.0.0.1:3128", { host: "10.0.0.1", port: 3128 }],
    ["http://[2001:db8::1]:3128", { host: "[2001:db8::1]", port: 3128 }],
    ["http://user:pw@proxy.test:80", { host: "proxy.test", port: 80, username: "user", password: "pw" }],
    ["http://user@proxy.test:80", { host: "proxy.test", port: 80, username: "user" }],
    ["http://:pw@proxy.test:80", { host: "proxy.test", port: 80, password: "pw" }],
    ["http://u%40x:p%3A%2F%23%20w@h.test:1", { host: "h.test", port: 1, username: "u@x", password: "p:/# w" }],
    ["http://u:p%C3%A4%F0%9F%94%91@h.test:1", { host: "h.test", port: 1, username: "u", password: "pä🔑" }],
    ["http://u:pä🔑@h.test:1", { host: "h.test", port: 1, username: "u", password: "pä🔑" }],
    ["http://u:p@w@h.test:1", { host: "h.test", port: 1, username: "u", password: "p@w" }],
    ["http://u:p:w@h.test:1", { host: "h.test", port: 1, username: "u", password: "p:w" }],
    ["http://u:100%@h.test:1", { host: "h.test", port: 1, username: "u", password: "100%" }],
    ['http://u:100% "sure"@h.test:1', { host: "h.test", port: 1, username: "u", password: '100% "sure"' }],
    ["http://u:%E4@h.test:1", { host: "h.test", port: 1, username: "u", password: "%E4" }],
  ])("%s is read as the object of the spec", (customProxy, expected) => {
    expect(browserSettings({ customProxy })).toEqual({ customProxy: expected });
  });

  test("an object goes through as it is, and so does null", () => {
    const customProxy = { host: "proxy.test", port: 8080, ignoreCertErrors: true };
    expect(browserSettings({ customProxy })).toEqual({ customProxy });
    expect(browserSettings({ customProxy: null })).toEqual({ customProxy: null });
    expect(browserSettings({})).toEqual({});
  });

  test.each([
    "",
    "proxy.test",
    "proxy.test:8080",
    "user:5ec4e7@proxy.test:8080",
    "//user:5ec4e7@proxy.test:8080",
    "socks5://user:5ec4e7@proxy.test:1080",
    "ftp://user:5ec4e7@proxy.test",
    "http://",
    "http://user:5ec4e7@",
    "http://user:5ec4e7@proxy.test:0",
    "http://user:5ec4e7@proxy.test:99999",
    "http://user:5ec4e7@proxy.test:port",
    "http://user:5ec4e7@proxy.test:8080/path",
    "http://user:5ec4e7@proxy.test:8080?q=1",
    "http://user:5ec4e7@proxy.test:8080#x",
    "http://user:12#5ec4e7@proxy.test:8080",
    "http://user:12/5ec4e7@proxy.test:8080",
    "http://user:12?5ec4e7@proxy.test:8080",
    "http://user:5ec#4e7@proxy.test:8080",
  ])("%j is refused, and the message says what to write, without the password", (customProxy) => {
    const message = refusal({ customProxy });
    expect(message).toContain("customProxy must be a URL such as http://user:password@host:8080");
    expect(message).not.toMatch(/5ec|4e7/);
  });
});

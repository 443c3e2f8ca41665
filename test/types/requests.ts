import type {
  Account,
  BrowserUse,
  EnsuredProfile,
  Profile,
  ProfileInUseError,
  SessionNotStoppedError,
  TimeoutError,
  UploadedFile,
  V2OpenRequest,
  V2Session,
  V2TaskFields,
  V3OpenRequest,
  V3Session,
  V3TaskFields,
} from "../../src/index.ts";
import { same } from "./equal.ts";

declare const browserUse: BrowserUse;

// Lists that grow at the service take new values, and still complete the ones that are known.
export const countries: V2OpenRequest["proxyCountryCode"][] = ["uk", "de", "a new one", null, undefined];
export const models: V3TaskFields["model"][] = ["bu-mini", "claude-sonnet-4.6", "a new one"];
export const llms: V2TaskFields["llm"][] = ["gpt-4.1", "a new one"];
same<Extract<V2OpenRequest["proxyCountryCode"], "uk">, "uk">();
same<Extract<V3OpenRequest["proxyCountryCode"], "uk">, "uk">();
same<Extract<V3TaskFields["model"], "bu-mini">, "bu-mini">();
same<Extract<V2TaskFields["llm"], "gpt-4.1">, "gpt-4.1">();
// @ts-expect-error: a model is a text
export const noModel: V3TaskFields["model"] = 7;
// @ts-expect-error: a task has a model or says nothing about it
export const nullModel: V3TaskFields["model"] = null;

export async function sessions() {
  const v2 = await browserUse.v2.sessions.open({ customProxy: "http://proxy.test:1", browserScreenWidth: 800 });
  same<typeof v2, V2Session>();
  const v3 = await browserUse.v3.sessions.open({ model: "bu-max", maxCostUsd: "1.5" }, { profileAccess: "shared" });
  same<typeof v3, V3Session>();
  const used = await browserUse.v2.sessions.use({}, async (session) => session.id.length);
  same<typeof used, number>();
  const attached = browserUse.v3.sessions.attach("s1");
  same<typeof attached, V3Session>();
  same<typeof v2.apiVersion, "v2">();
  same<(typeof v3)["liveUrl"], string | null | undefined>();
  await using _handle = v2;
  for await (const { status } of browserUse.v2.sessions.list({ filterBy: "active" }))
    status satisfies "active" | "stopped";
  // @ts-expect-error: misspelled
  await browserUse.v2.sessions.open({ profileID: "p1" });
  // @ts-expect-error: a session is opened idle
  await browserUse.v3.sessions.open({ task: "Go" });
  // @ts-expect-error: misspelled
  await browserUse.v3.sessions.open({ keepalive: true });
  // @ts-expect-error: no such access
  await browserUse.v2.sessions.open({}, { profileAccess: "mine" });
  // @ts-expect-error: no such status
  browserUse.v2.sessions.list({ filterBy: "running" });
  // @ts-expect-error: settings go to the call itself
  await browserUse.v2.run("Go", { sessionSettings: {} });
  // @ts-expect-error: a one-shot session is never kept
  await browserUse.v3.run("Go", { keepAlive: true });
  await v3.upload([]);
}

export async function profiles() {
  const ensured = await browserUse.profiles.ensure({ name: "acme" }, { strict: true });
  same<typeof ensured, EnsuredProfile>();
  same<EnsuredProfile["created"], boolean>();
  same<EnsuredProfile["duplicates"], readonly string[]>();
  const profile: Profile = ensured;
  profile.cookieDomains satisfies readonly string[] | null | undefined;
  // @ts-expect-error: views are not written to
  profile.name = "new";
  // @ts-expect-error: misspelled
  await browserUse.profiles.ensure({ userid: "u1" });
  // @ts-expect-error: null would match everybody without a user id
  await browserUse.profiles.ensure({ userId: null });
  same<Awaited<ReturnType<typeof browserUse.profiles.delete>>, void>();
}

export async function browsers() {
  const browser = await browserUse.browsers.open({ timeoutMinutes: 30, proxyCountryCode: null });
  browser.cdpUrl satisfies string | null | undefined;
  for await (const { path } of browser.downloads()) path satisfies string;
  // @ts-expect-error: minutes are said in the name
  await browserUse.browsers.open({ timeout: 30 });
  // @ts-expect-error: pages are not the caller's business
  browserUse.browsers.list({ pageSize: 5 });
}

export async function files(session: V2Session) {
  const uploaded = await session.upload({ name: "a.csv", data: new Uint8Array(1) });
  same<typeof uploaded, UploadedFile[]>();
  await session.upload([new File([], "a.csv"), { name: "b", data: new Blob(), type: "text/csv" }]);
  // @ts-expect-error: a Blob has no name
  await session.upload(new Blob());
  // @ts-expect-error: a path is not read
  await session.upload("a.csv");
  // @ts-expect-error: text is not bytes
  await session.upload({ name: "a.csv", data: "a,b" });
}

export async function billing() {
  const account = await browserUse.billing.account();
  same<typeof account, Account>();
  same<Account["rateLimit"], number>();
}

// Codes are literals, so that they narrow.
same<ProfileInUseError["code"], "profile_in_use">();
same<SessionNotStoppedError["code"], "session_not_stopped">();
same<TimeoutError["code"], "timeout">();

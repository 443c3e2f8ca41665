import type { Cloud } from "../cloud.ts";
import type { Schema } from "../operations.ts";
import type { BrowserHold, BrowserSession } from "../records.ts";
import { problems } from "../server/problem.ts";
import { problemsV4 } from "./problems.ts";
import type { SessionV4 } from "./records.ts";

type Settings = Schema<"V4RunBrowserSettings">;

/**
 * The browser for the next run of a session: the open one as it is, else a new one with what the settings say and what the session had
 * before. An open one is left alone, and a new one comes in its place, only when another profile is asked for by name; it is not stopped
 * then, so it holds its slot until it times out.
 *
 * @throws Problem 400 for a session that has another profile, 404 when there is no such profile, 422 for half a screen size, 429 when a
 * new one is needed and the cap is reached.
 */
export function browserFor(cloud: Cloud, session: SessionV4, asked: Settings | null | undefined): BrowserSession {
  const settings = settingsAfter(session.settings, asked);
  const current = session.browsers.at(-1);
  const reused = current?.end === null && (asked?.profileId === undefined || asked.profileId === current.profileId);
  const browser = reused ? current : openBrowser(cloud, session, holdFor(cloud, settings));
  session.settings = settings;
  return browser;
}

/**
 * A slot under the cap for a browser with these settings.
 *
 * @throws Problem 404 when there is no such profile, 429 when the cap is reached.
 */
export function holdFor(cloud: Cloud, settings: Settings): BrowserHold {
  return cloud.hold({ profileId: settings.profileId ?? null, recording: settings.record ?? false });
}

/** Makes what is held the browser of a session. It is one of those at `/browsers`, and costs nothing beside its runs. */
export function openBrowser(cloud: Cloud, session: SessionV4, hold: BrowserHold): BrowserSession {
  const browser = cloud.add<BrowserSession>(hold, { kind: "browser", metadata: {}, cost: 0, agent: session });
  session.browsers.push(browser);
  return browser;
}

/**
 * What holds after a request: what it leaves out stays as it was. No proxy is played, so none need be forgotten.
 *
 * @throws Problem 400 for another profile than before, 422 for half a screen size.
 */
export function settingsAfter(before: Settings, asked: Settings | null | undefined): Settings {
  const settings: Settings = { ...before, ...asked };
  if (before.profileId != null && ![before.profileId, null].includes(settings.profileId ?? null)) {
    throw problemsV4.otherProfile();
  }
  checkScreen(settings);
  return settings;
}

/** The shared check knows the names that the other versions give to the two fields. */
function checkScreen({ screenWidth: width, screenHeight: height }: Settings): void {
  if ((width == null) === (height == null)) return;
  const [missing, given] = width == null ? ["screenWidth", height] : ["screenHeight", width];
  const place = ["body", "browserSettings", missing];
  throw problems.invalid(place, "Width and height must be set together", "value_error", given);
}

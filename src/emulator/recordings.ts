import type { Cloud } from "./cloud.ts";
import type { BrowserHold } from "./records.ts";

const LINK_EXPIRES_MS = 60 * 60_000;

/** Where a browser can be watched while it is open. Nothing answers there. */
export function liveUrl(session: BrowserHold): string | null {
  return session.end === null ? `https://live.emulator.test/${session.id}` : null;
}

/** A link to the recording: its upload begins when the browser stops, so it is never there at once. */
export function recordingUrl(cloud: Cloud, session: BrowserHold, origin: string): string | null {
  const readyAt = (session.finishedAt ?? Number.POSITIVE_INFINITY) + cloud.settings.startDelayMs;
  if (!session.recording || cloud.clock.now() < readyAt) return null;
  const key = `recordings/${session.id}/recording.mp4`;
  if (!cloud.bucket.get(key)) {
    cloud.bucket.put(key, { bytes: Buffer.from("recording of the emulator"), type: "video/mp4" });
  }
  return cloud.bucket.presignGet(origin, key, LINK_EXPIRES_MS);
}

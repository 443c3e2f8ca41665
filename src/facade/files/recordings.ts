import { checkMs, checkSignal, refuseUnknown } from "../call/check.ts";
import { poll } from "../call/poll.ts";
import { Deadline } from "../call/wait.ts";
import type { Context } from "../context.ts";
import { DownloadError, TimeoutError } from "../errors.ts";
import type { CallOptions } from "../types.ts";
import { Download } from "./download.ts";

const DEFAULT_WAIT_MS = 5 * 60_000;

/** How recordings are waited for. */
export interface RecordingOptions {
  /** Aborts the wait, which then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for a recording that is still to come, in milliseconds. Default: 300,000. */
  readonly waitTimeoutMs?: number | undefined;
}

/** What one look shows: links, none for "not yet", or that there will never be any. */
export type RecordingLook = (options: CallOptions) => Promise<readonly string[] | "never">;

/** Waits until there are recordings, or it is known that there will be none. */
export async function waitForRecordings(
  { transport }: Context,
  id: string,
  look: RecordingLook,
  options: RecordingOptions = {},
): Promise<readonly Download[]> {
  const urls = await untilThere(id, look, options);
  return urls.map((url, index) => {
    const path = nameOf(id, url, index);
    return new Download(transport, { path, url }, async (options) => ({
      url: await sameLink(look, url, path, options),
    }));
  });
}

async function untilThere(id: string, look: RecordingLook, options: RecordingOptions): Promise<readonly string[]> {
  const { signal, waitTimeoutMs, ...unknown } = options;
  refuseUnknown(unknown, "recordings");
  checkSignal(signal);
  const deadline = new Deadline(checkMs("waitTimeoutMs", waitTimeoutMs, DEFAULT_WAIT_MS));
  const links = async (limits: CallOptions) => {
    const seen = await look(limits);
    if (seen === "never") return [];
    return seen.length > 0 ? seen : undefined;
  };
  return poll(links, deadline, signal, (fault) => notInTime(id, deadline.timeoutMs, fault));
}

function notInTime(id: string, timeoutMs: number, cause: unknown): TimeoutError {
  const message = `There was no recording of ${id} within ${timeoutMs} ms: its upload begins when the browser has stopped.`;
  return new TimeoutError(message, { operation: "recordings", timeoutMs }, { cause });
}

/** A link is good for an hour. What does not change in it is the place of the file. */
async function sameLink(look: RecordingLook, url: string, path: string, options: CallOptions): Promise<string> {
  const seen = await look(options);
  const link = seen !== "never" && seen.find((other) => placeOf(other) === placeOf(url));
  if (link) return link;
  const message = `${JSON.stringify(path)} was not downloaded: the service does not list it any more.`;
  throw new DownloadError(message, { fileName: path });
}

function placeOf(url: string): string {
  return URL.canParse(url) ? new URL(url).pathname : "";
}

/** Recordings have no name of their own; two of one session may end alike. */
function nameOf(id: string, url: string, index: number): string {
  const extension = /\.[a-z0-9]{2,4}$/i.exec(placeOf(url))?.[0] ?? ".mp4";
  return `${id}${index === 0 ? "" : `-${index + 1}`}${extension}`;
}

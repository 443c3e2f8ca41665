import { createHash } from "node:crypto";
import type { TaskJob } from "browser-use-client/emulator";

const LOGIN = "the-internet.herokuapp.com/session";

/**
 * Plays the agent of the demo where no real one is: it reads the task for a few words, keeps a login where a browser would, and takes
 * the receipt number from the bytes that were really uploaded.
 */
export async function supportAgent(job: TaskJob): Promise<unknown> {
  if (/log in/i.test(job.task)) return logIn(job);
  if (/upload/i.test(job.task)) return submitInvoice(job);
  return readAccount(job);
}

async function logIn({ step, state }: TaskJob): Promise<string> {
  await step({ summary: "Open the login page", url: "https://the-internet.herokuapp.com/login" });
  await pause();
  await step({ summary: "Fill in the username and the password" });
  await pause();
  state.set(LOGIN, "tomsmith");
  return "Logged in as tomsmith.";
}

async function submitInvoice({ step, state, files, task }: TaskJob): Promise<unknown> {
  if (!state.has(LOGIN)) throw new Error("Nobody is logged in in this browser.");
  const [fileName, bytes] = [...files].find(([name]) => task.includes(name)) ?? [];
  if (!fileName || !bytes) throw new Error("There is no such file in this session.");
  await step({ summary: "Open the upload form", url: "https://the-internet.herokuapp.com/upload" });
  await pause();
  await step({ summary: `Choose ${fileName}, ${bytes.length} bytes` });
  await pause();
  await step({ summary: "Submit, and read the confirmation" });
  return { receiptNumber: receiptNumberOf(bytes), fileName };
}

async function readAccount({ step, state }: TaskJob): Promise<string> {
  await step({ summary: "Open the account page", url: "https://the-internet.herokuapp.com/secure" });
  await pause();
  const user = state.get(LOGIN);
  return user ? `Still logged in as ${user}.` : "Nobody is logged in.";
}

/** What the pretended shop prints on its receipts. */
export function receiptNumberOf(bytes: Uint8Array): string {
  return `R-${createHash("sha256").update(bytes).digest("hex").slice(0, 8).toUpperCase()}`;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 150));
}

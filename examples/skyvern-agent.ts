import type { SkyvernTask } from "browser-use-client/emulator";

/** Where the pretended shop has its login, and what it knows of a customer. */
export const LOGIN_URL = "https://app.example.com/login";
const ACCOUNT_URL = "https://app.example.com/account";
export const INVOICES: readonly string[] = ["INV-2026-001", "INV-2026-002", "INV-2026-007"];

/** Plays the agent of the example where no real one is: it reads the prompt for a few words, and keeps a login where a browser would. */
export async function shopAgent(task: SkyvernTask): Promise<unknown> {
  if (/log in/i.test(task.prompt)) return logIn(task);
  return readInvoices(task);
}

async function logIn(task: SkyvernTask): Promise<string> {
  if (task.page !== LOGIN_URL) throw new Error(`There is no login at ${task.page}.`);
  await task.step({ summary: "Fill in the username and the password" });
  task.state.set("login", "demo");
  await task.step({ summary: "Submit", url: ACCOUNT_URL });
  return "Logged in.";
}

async function readInvoices(task: SkyvernTask): Promise<unknown> {
  if (task.page !== ACCOUNT_URL) throw new Error(`There are no invoices at ${task.page}.`);
  if (!task.state.has("login")) throw new Error("Nobody is logged in in this browser.");
  await task.step({ summary: "Open the invoices", url: `${ACCOUNT_URL}/invoices` });
  return { invoices: INVOICES };
}

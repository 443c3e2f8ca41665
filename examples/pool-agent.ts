import type { TaskJob } from "browser-use-client/emulator";

const LOGIN = "shop.test/session";
const TICKETS = "shop.test/tickets";

/** What the agent tells of itself. */
export interface AgentLog {
  /** It had to log in: the browser knew no login. */
  readonly onLogin: () => void;
  /** What it was asked is done, and nobody knows yet but the browser. */
  readonly onDone: (ticket: number) => void;
}

/**
 * Plays the agent. It keeps its login, and the number of every ticket it has dealt with, where a browser keeps cookies. So whoever asks for a
 * ticket a second time is told that it was done, and it is not done twice.
 */
export function shopAgent(log: AgentLog): (job: TaskJob) => Promise<string> {
  return async ({ task, state, step }) => {
    const ticket = Number(/\d+/.exec(task)?.[0]);
    if (!state.has(LOGIN)) {
      await step({ summary: "Log in" });
      await pause(100, 200);
      state.set(LOGIN, "yes");
      log.onLogin();
    }
    const done = ticketsIn(state);
    if (done.includes(ticket)) return `Ticket ${ticket} was dealt with before.`;
    await step({ summary: `Deal with ticket ${ticket}` });
    await pause(50, 150);
    state.set(TICKETS, JSON.stringify([...done, ticket]));
    log.onDone(ticket);
    await pause(50, 100);
    return `Ticket ${ticket} is dealt with.`;
  };
}

/** The tickets that a browser, or a profile, remembers. */
export function ticketsIn(state: ReadonlyMap<string, string> | undefined): readonly number[] {
  return JSON.parse(state?.get(TICKETS) ?? "[]");
}

function pause(least: number, more: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, least + more * Math.random()));
}

/**
 * A support service of four processes on one Redis: forty tickets of eight customers, a cap of five sessions, one profile per customer.
 * In the middle one process is killed while it holds a session.
 *
 *     npm run demo:pool
 *
 * The cloud is the built-in emulator; nothing leaves this machine. Redis is the one at REDIS_URL, else `redis-server` from the PATH. Where
 * there is none, one process answers the same tickets and counts in its own memory.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { BrowserUse } from "browser-use-client";
import { startEmulator } from "browser-use-client/emulator";
import { memoryLeaseStore, SessionPool } from "browser-use-client/pool";
import { shopAgent } from "./pool-agent.ts";
import { type News, POOL_OPTIONS } from "./pool-clerk.ts";
import { customersOf, ticketsOf } from "./pool-customers.ts";
import { Desk } from "./pool-desk.ts";
import { verdict } from "./pool-judge.ts";
import { demoRedis } from "./pool-redis.ts";
import { Screen } from "./pool-screen.ts";
import { localWorker, processWorker, type StaffMember } from "./pool-staff.ts";
import { lastTableOf, progressOf, tableOf } from "./pool-table.ts";
import { Watch } from "./pool-watch.ts";

const TICKETS = 40;
const CAP = 5;
const AT_ONCE = 8;
/** After so many answers, the first worker that has just done a ticket, and has not said so yet, is killed. */
const KILL_AFTER = 14;
const SESSION_START_MS = 400;
const LATENCY_MS = 50;
const FRAME_MS = 100;
const LIMIT_MS = 90_000;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));

let logins = 0;
let killed: { readonly name: string; readonly ticket: number } | undefined;
let isClosing = false;

const redis = await demoRedis();
const store = redis?.store ?? memoryLeaseStore();
const names = redis ? ["A", "B", "C", "D"] : ["A"];
const title = `${redis ? "Four processes, one Redis" : "One process, no Redis"}, a cap of ${CAP} sessions`;
const emulator = await startEmulator({
  maxSessions: CAP,
  startDelayMs: SESSION_START_MS,
  latencyMs: LATENCY_MS,
  onTask: shopAgent({ onLogin: () => logins++, onDone: killInTheMiddle }),
});
const browserUse = new BrowserUse({ baseUrl: emulator.url, apiKey: emulator.apiKey });
const customers = await customersOf(browserUse);
const desk = new Desk(ticketsOf(customers, TICKETS), AT_ONCE / names.length);
const leases = store.project((await browserUse.billing.account()).projectId);
const watch = new Watch({ title, cap: CAP, workers: names, customers, desk, emulator, leases });
const screen = new Screen();

note(
  redis ? `the cloud is the emulator, the store ${redis.where}` : "no Redis here, so one process, which is not killed",
);
const staff = names.map(hire);

try {
  await shown(desk.done);
  // Warm sessions wait for a ticket that does not come. Those that a dead process has opened are stopped by the others.
  await shown(untilEmpty());
  isClosing = true;
  for (const worker of staff) worker.give({ type: "close" });
  await shown(Promise.all(staff.map(({ gone }) => gone)));
  await conclude();
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}
for (const { name, complaints } of staff) {
  if (complaints()) console.error(`\nWorker ${name} wrote:\n${complaints()}`);
}
await redis?.close();
await emulator.close();
process.exit();

function hire(name: string): StaffMember {
  if (!redis) return localWorker(name, new SessionPool(browserUse.v3.sessions, { ...POOL_OPTIONS, store }), hear);
  const cloud = { BROWSER_USE_BASE_URL: emulator.url, BROWSER_USE_API_KEY: emulator.apiKey };
  const worker = processWorker(
    name,
    { ...process.env, ...cloud, REDIS_URL: redis.url, DEMO_PREFIX: redis.prefix },
    hear,
  );
  void worker.gone.then(() => isClosing || lost(worker));
  return worker;
}

function hear(worker: StaffMember, news: News): void {
  if (news.type === "stopped" && news.why === "lease over") {
    note(`a lease is over: worker ${worker.name} stops the session of ${watch.customerOf(news.sessionId)}`);
  }
  if (news.type === "failed") note(`#${news.id} is given out again: ${news.why}`);
  if (news.type === "answered" && (desk.times.get(news.id) ?? 0) > 1) note(`asked again: “${news.answer}”`);
  desk.hear(worker, news);
}

/** The worst moment for a ticket: it is done, and only the browser knows. */
function killInTheMiddle(ticket: number): void {
  watch.lookAtCloud();
  const holder = desk.holderOf(ticket);
  if (!redis || killed || !holder || desk.answers.size < KILL_AFTER) return;
  killed = { name: holder.name, ticket };
  staff.find((worker) => worker === holder)?.kill();
}

function lost(worker: StaffMember): void {
  watch.gone.add(worker.name);
  const tickets = desk.lost(worker).map(({ id, customer }) => `#${id} of ${customer}`);
  note(
    `worker ${worker.name} ${killed?.name === worker.name ? "is killed" : "has died"}; the others get ${tickets.join(" and ")}`,
  );
}

async function untilEmpty(): Promise<void> {
  while ((await leases.slots()).length > 0) await sleep(FRAME_MS);
}

/** Shows what happens until something has happened. */
async function shown<T>(awaited: Promise<T>): Promise<T> {
  let isOver = false;
  const noted = awaited.finally(() => {
    isOver = true;
  });
  noted.catch(() => {});
  let told = desk.answers.size;
  while (!isOver) {
    if (watch.elapsedMs > LIMIT_MS) throw new Error(`It took longer than ${LIMIT_MS / 1000} seconds.`);
    const picture = await watch.picture();
    screen.draw(tableOf(picture, screen.width));
    if (picture.answered >= told + 5) screen.say(progressOf(picture));
    if (picture.answered >= told + 5) told = picture.answered;
    await sleep(FRAME_MS);
  }
  return noted;
}

async function conclude(): Promise<void> {
  const counts = await leases.counts();
  const { told, wrong } = verdict({ cap: CAP, customers, desk, emulator, watch, counts, logins, killed });
  screen.draw(lastTableOf(await watch.picture(), screen.width));
  screen.print(told.map((line) => ` ${line}`));
  if (redis && !killed) wrong.push("no moment came to kill a worker");
  if (wrong.length > 0) return fail(wrong.join("; "));
  screen.print([
    "",
    `Done: ${TICKETS} tickets answered, each once; 0 sessions left; ${customers.length} profiles saved.`,
  ]);
}

function fail(what: string): void {
  console.log(`\nFAILED: ${what}.`);
  process.exitCode = 1;
}

function note(event: string): void {
  const time = `${(watch.elapsedMs / 1000).toFixed(1)} s`.padStart(7);
  watch.events.push(`${time}  ${event}`);
  screen.say(`${time}  ${event}`);
}

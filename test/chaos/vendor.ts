import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Problem, problems } from "../../src/emulator/server/problem.ts";
import type { Account, V2SessionView, V2Task } from "../../src/index.ts";
import { profile as profileView, v2Session, v2Task } from "../support/views.ts";
import { Cloud, type CloudOptions, type Session, type Task } from "./cloud.ts";
import { Judge } from "./judge.ts";
import { Random } from "./random.ts";

/** The header that tells the vendor which process a call comes from. */
export const WORKER_HEADER = "X-Chaos-Worker";

/** How often what goes wrong, from 0 to 1. Changed while it runs, it holds from then on. */
export interface Faults {
  /** Carried out; the connection breaks instead of an answer. */
  createLost?: number;
  /** Carried out; the answer comes after `lateMs`. */
  createLate?: number;
  /** Carried out; answered with 502. */
  create502?: number;
  /** Not carried out; answered with 500. */
  create500?: number;
  /** Not carried out; answered with 502. */
  stop502?: number;
  /** Carried out; answered with 502. */
  stopLost?: number;
  /** Carried out half a second later. */
  stopSlow?: number;
  /** Carried out; the connection breaks instead of an answer. */
  taskLost?: number;
  /** The stops of this worker are neither carried out nor answered. */
  stopHangsOf?: string;
}

export interface VendorOptions extends CloudOptions {
  readonly seed: number;
  readonly lateMs: number;
  readonly faults?: Faults;
}

/** A fake vendor on a free loopback port. */
export interface Vendor {
  readonly baseUrl: string;
  readonly cloud: Cloud;
  readonly judge: Judge;
  readonly faults: Faults;
  close(): Promise<void>;
}

const SLOW_STOP_MS = 500;
const PROJECT_ID = "5f1f6d3c-0000-4000-8000-000000000001";

/** Starts a vendor that carries out what it is asked for, answers rightly or wrongly, and judges. */
export async function startVendor(options: VendorOptions): Promise<Vendor> {
  const judge = new Judge();
  const random = new Random(options.seed);
  const cloud = new Cloud(options, judge, random.fork());
  const faults: Faults = { ...options.faults };
  const service = new Service(cloud, faults, options.lateMs, random.fork());
  const server = createServer((request, response) => void service.answer(request, response));
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  const close = async () => {
    cloud.close();
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { baseUrl: `http://127.0.0.1:${address.port}/api`, cloud, judge, faults, close };
}

interface Asked {
  readonly body: Readonly<Record<string, unknown>>;
  readonly query: URLSearchParams;
  readonly id: string;
  readonly worker: string;
}

/** What the connection does instead of an answer. */
class Broken extends Error {}

/** Fields that are sent as they are. */
type View = object;

class Service {
  readonly #cloud: Cloud;
  readonly #faults: Faults;
  readonly #lateMs: number;
  readonly #random: Random;
  readonly #routes: readonly (readonly [string, RegExp, (asked: Asked) => View | Promise<View>])[] = [
    ["POST", /^\/v2\/sessions$/, (asked) => this.#create(asked)],
    ["GET", /^\/v2\/sessions$/, (asked) => this.#list(asked)],
    ["GET", /^\/v2\/sessions\/([^/]+)$/, (asked) => this.#get(asked)],
    ["PATCH", /^\/v2\/sessions\/([^/]+)$/, (asked) => this.#stop(asked)],
    ["POST", /^\/v2\/tasks$/, (asked) => this.#dispatch(asked)],
    ["GET", /^\/v2\/tasks$/, (asked) => this.#listTasks(asked)],
    ["GET", /^\/v2\/tasks\/([^/]+)$/, (asked) => taskView(this.#task(asked))],
    ["GET", /^\/v2\/tasks\/([^/]+)\/status$/, (asked) => taskView(this.#task(asked))],
    ["PATCH", /^\/v2\/tasks\/([^/]+)$/, (asked) => this.#stopTask(asked)],
    ["GET", /^\/v3\/billing\/account$/, () => this.#account()],
    ["GET", /^\/v3\/profiles$/, (asked) => this.#listProfiles(asked)],
    ["POST", /^\/v3\/profiles$/, ({ body }) => this.#createProfile(String(body["name"]))],
  ];

  constructor(cloud: Cloud, faults: Faults, lateMs: number, random: Random) {
    this.#cloud = cloud;
    this.#faults = faults;
    this.#lateMs = lateMs;
    this.#random = random;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const view = await this.#serve(request);
      send(response, 200, view);
    } catch (error) {
      if (error instanceof Broken) response.destroy();
      else if (error instanceof Problem) send(response, error.status, { detail: error.detail });
      else {
        this.#cloud.judge.blame("surprise", String(error));
        send(response, 500, { detail: "The fake vendor is broken." });
      }
    }
  }

  async #serve(request: IncomingMessage): Promise<View> {
    const { pathname, searchParams: query } = new URL(request.url ?? "/", "http://vendor.test");
    const path = pathname.replace(/^\/api/, "");
    const text = await bodyOf(request);
    const worker = String(request.headers[WORKER_HEADER.toLowerCase()] ?? "?");
    for (const [method, pattern, serve] of this.#routes) {
      const match = method === request.method && pattern.exec(path);
      if (match) return serve({ body: text === "" ? {} : JSON.parse(text), query, id: match[1] ?? "", worker });
    }
    throw new Error(`Nobody expects ${request.method} ${path}.`);
  }

  async #create({ body, worker }: Asked): Promise<View> {
    const profile = typeof body["profileId"] === "string" ? body["profileId"] : undefined;
    if (this.#random.chance(this.#faults.create500)) throw new Problem(500, "Nothing was created.");
    const [isLost, isLate, isBad] = [this.#draws("createLost"), this.#draws("createLate"), this.#draws("create502")];
    const session = await this.#cloud.create(profile, worker);
    const note = (what: string) => this.#cloud.judge.note(what, { session: session.id, profile });
    if (isLost) {
      note("its reply is lost");
      throw new Broken();
    }
    if (isBad) {
      note("its reply is a 502");
      throw new Problem(502, "Bad gateway");
    }
    if (isLate) {
      note("its reply is late");
      await sleep(this.#lateMs);
    }
    return itemView(this.#cloud, session);
  }

  #draws(fault: Exclude<keyof Faults, "stopHangsOf">): boolean {
    return this.#random.chance(this.#faults[fault]);
  }

  #list({ query }: Asked): View {
    return paged(query, this.#cloud.listed(query.get("filterBy")), (session) => itemView(this.#cloud, session));
  }

  #get({ id }: Asked): View {
    return fullView(this.#find(id));
  }

  async #stop({ id, worker }: Asked): Promise<View> {
    const session = this.#find(id);
    this.#cloud.noteStop(session, worker);
    if (worker === this.#faults.stopHangsOf) await new Promise(() => {});
    if (session.end) return fullView(session);
    const [isSlow, isBad, isLost] = [this.#draws("stopSlow"), this.#draws("stop502"), this.#draws("stopLost")];
    if (isBad) throw new Problem(502, "Bad gateway");
    if (isSlow) await sleep(SLOW_STOP_MS);
    await this.#cloud.stop(session, worker);
    if (isLost) throw new Problem(502, "Bad gateway");
    return fullView(session);
  }

  /** What died is not found any more; what was stopped can be looked at. */
  #find(id: string): Session {
    const session = this.#cloud.sessions.get(id);
    if (!session) throw problems.sessionNotFound();
    if (session.end?.how === "death") throw new Problem(session.goneAs, "Session not found");
    return session;
  }

  #dispatch({ body, worker }: Asked): View {
    const task = this.#cloud.dispatch(this.#find(String(body["sessionId"])), String(body["task"]), worker);
    if (this.#draws("taskLost")) throw new Broken();
    return { id: task.id, sessionId: task.session.id };
  }

  #listTasks({ query }: Asked): View {
    const tasks = this.#find(query.get("sessionId") ?? "").tasks;
    return paged(query, [...tasks].reverse(), taskView);
  }

  #task({ id }: Asked): Task {
    const task = this.#cloud.tasks.get(id);
    if (!task) throw problems.taskNotFound();
    return task;
  }

  #stopTask(asked: Asked): View {
    const task = this.#task(asked);
    this.#cloud.stopTask(task);
    return taskView(task);
  }

  #account(): Account {
    return {
      name: "Chaos",
      totalCreditsBalanceUsd: 100,
      monthlyCreditsBalanceUsd: 0,
      additionalCreditsBalanceUsd: 100,
      rateLimit: this.#cloud.options.cap,
      isFreeTier: false,
      projectId: PROJECT_ID,
      planInfo: {
        planName: "chaos",
        subscriptionStatus: null,
        subscriptionId: null,
        subscriptionCurrentPeriodEnd: null,
        subscriptionCanceledAt: null,
      },
    };
  }

  #listProfiles({ query }: Asked): View {
    const part = query.get("query") ?? "";
    const ids = [...this.#cloud.profiles.keys()].filter((id) => id.includes(part));
    return paged(query, ids, (id) => profileView(id, { name: id }));
  }

  #createProfile(name: string): View {
    this.#cloud.profiles.set(name, { version: 0, state: [] });
    return profileView(name, { name });
  }
}

function send(response: ServerResponse, status: number, view: View): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(view));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

function paged<Item>(query: URLSearchParams, all: readonly Item[], view: (item: Item) => View): View {
  const pageNumber = Number(query.get("pageNumber") ?? 1);
  const pageSize = Number(query.get("pageSize") ?? 10);
  const items = all.slice((pageNumber - 1) * pageSize, pageNumber * pageSize).map(view);
  return { items, totalItems: all.length, pageNumber, pageSize };
}

/** As lists and creates show it; what they show of the end may be old. */
function itemView(cloud: Cloud, session: Session): V2SessionView {
  const status = cloud.listedStatus(session);
  const finishedAt = status === "stopped" ? (session.end?.iso ?? null) : null;
  return v2Session({ id: session.id, status, startedAt: session.startedAt, finishedAt });
}

function fullView({ id, startedAt, end, tasks }: Session): V2SessionView {
  const view = v2Session({ id, status: end ? "stopped" : "active", startedAt, finishedAt: end?.iso ?? null });
  return { ...view, tasks: tasks.map(taskView), publicShareUrl: null };
}

function taskView({ id, session, text, status, createdAt, finishedAt }: Task): V2Task {
  const isDone = status === "finished";
  return v2Task({
    id,
    sessionId: session.id,
    task: text,
    status,
    createdAt,
    startedAt: createdAt,
    finishedAt,
    output: isDone ? "done" : null,
    isSuccess: isDone ? true : null,
  });
}

/** A process that dispatches runs and waits for their answers, with our client or with the vendor's SDK. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { BrowserUse } from "../../src/index.ts";
import { member } from "./crew.ts";
import { nowMs } from "./numbers.ts";
import { type Version, vendorClient } from "./vendor.ts";

/** Whose client waits. */
export type Who = "ours" | "vendor";

/** What a process of this program is told at its start. */
export interface WaiterOrder {
  readonly who: Who;
  /** Of the service. */
  readonly url: string;
}

/** The runs that one client waits for. */
export interface ToAwait {
  readonly account: string;
  readonly version: Version;
  readonly runs: readonly { readonly name: string; readonly beginsMs: number }[];
}

/** Without anybody to wait for, it only says where it can be told of events. */
export interface WaiterTask {
  readonly clients: readonly ToAwait[];
  readonly beginMs: number;
}

export interface WaiterAnswer {
  /** Where webhooks are taken. */
  readonly url: string;
  /** When each answer was there, by account and run. */
  readonly answeredMs: Readonly<Record<string, number>>;
  /** What the process has used of a processor, from the first dispatch to the last answer. */
  readonly cpuMs: number;
}

/** Dispatches one run, waits for it, and gives its answer. */
type Wait = (task: string) => Promise<unknown>;

/** Where a run of a new session begins. */
const NOTHING_BEFORE = { messageId: null, stepCount: 0, totalCostUsd: "0" } as const;

await member(async ({ who, url }: WaiterOrder) => {
  const clients = new Set<BrowserUse>();
  const webhooks = await takeWebhooks((event) => {
    for (const client of clients) client.notify(event);
  });
  return async (task: WaiterTask): Promise<WaiterAnswer> => {
    const answeredMs: Record<string, number> = {};
    const used = process.cpuUsage();
    await Promise.all(
      task.clients.map(async ({ account, version, runs }) => {
        const baseUrl = `${url}/${who}/api`;
        const wait =
          who === "ours" ? ours(version, account, baseUrl, clients) : await vendors(version, account, baseUrl);
        await Promise.all(
          runs.map(async ({ name, beginsMs }) => {
            await sleep(task.beginMs + beginsMs - nowMs());
            const output = await wait(name);
            answeredMs[`${account}/${name}`] = nowMs();
            if (typeof output !== "string") throw new Error(`${who}: ${account}/${name} has no answer.`);
          }),
        );
      }),
    );
    clients.clear();
    const { user, system } = process.cpuUsage(used);
    return { url: webhooks, answeredMs, cpuMs: (user + system) / 1_000 };
  };
});

function ours(version: Version, apiKey: string, baseUrl: string, clients: Set<BrowserUse>): Wait {
  const client = new BrowserUse({ apiKey, baseUrl });
  clients.add(client);
  if (version === "v2") {
    return async (task) => {
      const { data } = await client.api.POST("/v2/tasks", { body: { task } });
      return (await client.resume({ apiVersion: "v2", ...data }).result()).output;
    };
  }
  return async (task) => {
    const { id } = (await client.api.POST("/v3/sessions", { body: { task } })).data;
    const reference = { apiVersion: "v3", id, sessionId: id, baseline: NOTHING_BEFORE } as const;
    return (await client.resume(reference).result()).output;
  };
}

/** As its guides say: `run` is awaited. Its options are the defaults, but for the limit of five minutes, which no run here needs. */
async function vendors(version: Version, apiKey: string, baseUrl: string): Promise<Wait> {
  const client = await vendorClient(version, apiKey, baseUrl);
  return async (task) => (await client.run(task)).output;
}

async function takeWebhooks(notify: (event: { taskId: string; sessionId: string }) => void): Promise<string> {
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const piece of request) text += piece;
    notify(JSON.parse(text));
    response.writeHead(204).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

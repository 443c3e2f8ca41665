import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { V3OpenRequest, V3Session } from "browser-use-client";
import type { SessionPool } from "browser-use-client/pool";
import { answer, type News } from "./pool-clerk.ts";
import type { Worker } from "./pool-desk.ts";

const WORKER = fileURLToPath(new URL("./pool-worker.ts", import.meta.url));

/** A worker, and how it ends. */
export interface StaffMember extends Worker {
  /** Ends its process at once, as a crash or a lack of memory does. */
  readonly kill: () => void;
  /** Resolves when it is gone and all it has said is heard. */
  readonly gone: Promise<unknown>;
  /** What it has complained of. */
  readonly complaints: () => string;
}

type Hear = (worker: StaffMember, news: News) => void;

/** A process of its own. Node runs it without a process in between, so that killing it kills what holds the leases. */
export function processWorker(name: string, env: NodeJS.ProcessEnv, hear: Hear): StaffMember {
  const args = ["--import", "tsx", WORKER];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "ignore", "pipe", "ipc"] });
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  let stderr = "";
  child.stderr?.on("data", (text) => {
    stderr += text;
  });
  const worker: StaffMember = {
    name,
    kill,
    // One that is gone hears nothing; that it is gone is news of its own.
    give: (order) => void child.send(order, () => {}),
    gone: Promise.all([once(child, "exit"), once(child, "disconnect")]),
    complaints: () => stderr.trim(),
  };
  child.on("message", (news: News) => hear(worker, news));
  return worker;
}

/** Where there is no Redis: the same work in this process. It cannot be killed alone. */
export function localWorker(name: string, pool: SessionPool<V3OpenRequest, V3Session>, hear: Hear): StaffMember {
  let leave = (): void => {};
  const worker: StaffMember = {
    name,
    kill: () => {},
    give: (order) => {
      if (order.type === "answer") void answer(pool, order.ticket, (news) => hear(worker, news));
      else void pool.close().then(leave);
    },
    gone: new Promise<void>((resolve) => {
      leave = resolve;
    }),
    complaints: () => "",
  };
  queueMicrotask(() => hear(worker, { type: "ready" }));
  return worker;
}

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

const END_MS = 5_000;

/** Processes of one program that begin together. */
export class Crew<Task extends object, Result> implements AsyncDisposable {
  readonly #children: readonly ChildProcess[];

  private constructor(children: readonly ChildProcess[]) {
    this.#children = children;
  }

  /** Starts one process per order, and waits until all are ready. A program that is JavaScript already runs without tsx. */
  static async start<Order extends object, Task extends object, Result>(
    program: URL,
    orders: readonly Order[],
    nodeOptions: readonly string[] = [],
  ): Promise<Crew<Task, Result>> {
    const execArgv = [...nodeOptions, ...(program.pathname.endsWith(".ts") ? ["--import", "tsx"] : [])];
    const children = orders.map(() => fork(program, { execArgv }));
    const crew = new Crew<Task, Result>(children);
    try {
      await Promise.all(
        children.map((child, index) => {
          const ready = answer(child);
          child.send(orders[index] ?? {});
          return ready;
        }),
      );
      return crew;
    } catch (error) {
      await crew[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Lets all begin with the same, and gathers what they have measured. */
  run(what: Task): Promise<Result[]> {
    return Promise.all(
      this.#children.map((child) => {
        const result = answer(child);
        child.send(what);
        return result as Promise<Result>;
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map(end));
  }
}

async function answer(child: ChildProcess): Promise<unknown> {
  const control = new AbortController();
  const { signal } = control;
  const gone = once(child, "exit", { signal }).then(([code]) => {
    throw new Error(`A process of the measurement ended with ${code}.`);
  });
  try {
    return await Promise.race([once(child, "message", { signal }).then(([message]) => message), gone]);
  } finally {
    gone.catch(() => {});
    control.abort();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
  await gone;
  clearTimeout(timer);
}

/** The other side: gets ready as ordered, and measures as often as it is told to. */
export async function member<Order, Task>(
  prepare: (order: Order) => Promise<(task: Task) => Promise<unknown>>,
): Promise<void> {
  // Ended by who has started it, or with it.
  process.once("disconnect", () => process.exit());
  const [order] = await once(process, "message");
  const run = await prepare(order as Order);
  process.on("message", async (task) => process.send?.(await run(task as Task)));
  process.send?.("ready");
}

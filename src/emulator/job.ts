import { emulatorAgent } from "./agent.ts";
import type { Cloud } from "./cloud.ts";
import type { AgentStep, TaskJob } from "./options.ts";
import { pathFault } from "./paths.ts";
import type { Session } from "./records.ts";
import type { NewObject } from "./s3/bucket.ts";

/** How a task came to its end. */
export type Outcome =
  | { readonly kind: "finished"; readonly output: unknown; readonly success: boolean }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "stopped" };

/** What a task is, and who is told about its course. */
export interface JobPlan {
  readonly session: Session;
  readonly job: Pick<TaskJob, "task" | "apiVersion" | "taskId" | "runId" | "request"> &
    Partial<Pick<TaskJob, "sessionId">>;
  /** How long it waits before it starts. */
  readonly delayMs: number;
  /** What the output has to look like. */
  readonly outputSchema: unknown;
  files(): ReadonlyMap<string, Uint8Array>;
  started(): void;
  stepped(step: AgentStep): void;
  /** Keeps a file of the agent's; what it throws the agent gets. */
  written(name: string, file: NewObject): void;
  ended(outcome: Outcome): void;
}

/** A dispatched task: waiting to start, then played by an agent, until it ends once. */
export class Job {
  readonly #cloud: Cloud;
  readonly #plan: JobPlan;
  readonly #abort = new AbortController();
  #over = false;

  constructor(cloud: Cloud, plan: JobPlan) {
    this.#cloud = cloud;
    this.#plan = plan;
    this.#touch();
    cloud.clock.after(plan.delayMs, () => this.#start());
  }

  /** Ends the task without an answer. */
  stop(reason: string): void {
    this.end({ kind: "stopped" }, reason);
  }

  /** Ends the task; what its agent does after that counts for nothing. */
  end(outcome: Outcome, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#touch();
    this.#plan.session.job = null;
    this.#plan.ended(outcome);
    this.#abort.abort(new DOMException(reason, "AbortError"));
  }

  #start(): void {
    if (this.#over) return;
    this.#plan.started();
    const job = this.#taskJob();
    const agent = this.#cloud.settings.onTask ?? emulatorAgent(this.#cloud, this.#plan.outputSchema);
    // The agent is called in its own turn, so that what it throws at once fails the task, not the timer.
    Promise.resolve()
      .then(() => agent(job))
      .then(
        (output) => this.end({ kind: "finished", output: output ?? null, success: job.success }, "The task is over."),
        (error: unknown) => this.end({ kind: "failed", error }, "The task is over."),
      );
  }

  #taskJob(): TaskJob {
    const plan = this.#plan;
    return {
      sessionId: plan.session.id,
      ...plan.job,
      get files() {
        return plan.files();
      },
      state: plan.session.state,
      signal: this.#abort.signal,
      success: true,
      step: (step) => this.#recorded(() => this.#step(step)),
      write: (name, data, type) => this.#recorded(() => this.#write(name, data, type)),
    };
  }

  /** An agent that does not wait for its step must not bring the process down when the task is over. */
  #recorded(record: () => void): Promise<void> {
    const done = new Promise<void>((resolve) => resolve(record()));
    done.catch(() => undefined);
    return done;
  }

  #step(step: AgentStep): void {
    this.#abort.signal.throwIfAborted();
    this.#touch();
    this.#plan.stepped(step);
    this.#abort.signal.throwIfAborted();
  }

  /** What the agent does with its bytes afterwards does not change the file. */
  #write(name: string, data: string | Uint8Array, type = "application/octet-stream"): void {
    this.#abort.signal.throwIfAborted();
    const fault = pathFault(name);
    if (fault !== undefined) throw new TypeError(`The agent cannot write a file ${JSON.stringify(name)}: ${fault}.`);
    this.#touch();
    const bytes = typeof data === "string" ? Buffer.from(data) : new Uint8Array(data);
    this.#plan.written(name, { bytes, type });
  }

  #touch(): void {
    this.#plan.session.lastActivityAt = this.#cloud.clock.now();
  }
}

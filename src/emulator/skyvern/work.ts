import type { AgentStep } from "../options.ts";
import { emulatorAgent } from "./agent.ts";
import type { SkyvernCloud } from "./cloud.ts";
import type { SkyvernTask } from "./options.ts";
import type { Artifact, Run, Session } from "./records.ts";
import { showRun } from "./run-view.ts";

/** What the default engine makes up when it was not told where to begin. */
const MADE_UP = "https://made-up.emulator.test/";

type End = Pick<Run, "status" | "output" | "failureReason">;

/** A run that is under way: created, queued, then played by an agent in a browser, until it ends once. */
export class Work {
  readonly #cloud: SkyvernCloud;
  readonly #run: Run;
  readonly #abort = new AbortController();

  constructor(cloud: SkyvernCloud, run: Run) {
    this.#cloud = cloud;
    this.#run = run;
    cloud.begin(run, this);
    cloud.clock.after(cloud.settings.queueMs, () => this.#queue());
  }

  /** Ends it as cancelled. */
  cancel(): void {
    this.#end({ status: "canceled", output: null, failureReason: null });
  }

  /** Ends it as failed. */
  fail(reason: string): void {
    this.#end({ status: "failed", output: null, failureReason: reason });
  }

  /** Ends it without telling anybody: the emulator is closed. */
  drop(): void {
    this.#cloud.finish(this.#run);
    this.#abort.abort(new DOMException("The emulator is closed.", "AbortError"));
  }

  get #over(): boolean {
    return this.#abort.signal.aborted;
  }

  #queue(): void {
    if (this.#over) return;
    this.#become("queued");
    this.#run.queuedAt = this.#run.modifiedAt;
    this.#cloud.clock.after(this.#cloud.settings.queueMs, () => this.#start());
  }

  /** Only now it shows that a session cannot be worked in: the dispatch was accepted. */
  #start(): void {
    if (this.#over) return;
    const { session } = this.#run;
    const obstacle = session && obstacleIn(session);
    if (obstacle) this.fail(obstacle);
    else this.#begin(session);
  }

  #begin(session: Session | null): void {
    if (session) {
      this.#cloud.start(session);
      session.run = this.#run;
    }
    this.#become("running");
    this.#run.startedAt = this.#run.modifiedAt;
    this.#goToStart();
    this.#play();
  }

  #goToStart(): void {
    const { request, browser } = this.#run;
    if (request.url != null) browser.page = request.url;
    else if (request.engine !== "skyvern-2.0") browser.page = MADE_UP;
  }

  #play(): void {
    const task = this.#task();
    const agent = this.#cloud.settings.onTask ?? emulatorAgent(this.#cloud);
    // The agent is called in its own turn, so that what it throws at once fails the run, not the timer.
    Promise.resolve()
      .then(() => agent(task))
      .then((answer) => this.#answered(task, outputOf(answer)))
      .catch((error: unknown) => this.fail(error instanceof Error ? error.message : String(error)));
  }

  #answered({ status, failureReason }: SkyvernTask, output: Run["output"]): void {
    this.#end({ status, output, failureReason });
    const late = this.#run.status === "canceled" && this.#run.type === "task_v1";
    if (late && this.#cloud.settings.completesAfterCancel) this.#show({ status, output, failureReason });
  }

  #end(end: End): void {
    if (this.#over) return;
    const { session } = this.#run;
    if (session?.run === this.#run) session.run = null;
    this.#show(end);
    this.drop();
    this.#cloud.webhooks.tell(this.#run.request.webhook_url, showRun(this.#cloud, this.#run));
  }

  #show({ status, output, failureReason }: End): void {
    this.#become(status);
    Object.assign(this.#run, { output, failureReason, finishedAt: this.#run.modifiedAt });
  }

  #become(status: Run["status"]): void {
    this.#run.status = status;
    this.#run.modifiedAt = this.#cloud.clock.now();
  }

  #task(): SkyvernTask {
    const { id, request, session, browser } = this.#run;
    return {
      prompt: request.prompt,
      url: request.url ?? null,
      engine: request.engine ?? "skyvern-1.0",
      runId: id,
      session: session && { id: session.id, profileId: session.profileId },
      state: browser.state,
      request,
      signal: this.#abort.signal,
      get page() {
        return browser.page;
      },
      set page(url) {
        browser.page = url;
      },
      status: "completed",
      failureReason: null,
      step: (step) => this.#recorded(() => this.#step(step)),
      write: (type, data, mediaType) => this.#recorded(() => void this.#keep(type, data, mediaType)),
      download: (name, data, mediaType) => this.#recorded(() => this.#download(name, data, mediaType)),
      pause: () => this.#over || this.#become("paused"),
      resume: () => this.#over || this.#become("running"),
    };
  }

  /** An agent that does not wait for its step must not bring the process down when the run is over. */
  #recorded(record: () => void): Promise<void> {
    const done = new Promise<void>((resolve) => {
      this.#abort.signal.throwIfAborted();
      resolve(record());
    });
    done.catch(() => undefined);
    return done;
  }

  #step(step: AgentStep): void {
    const { steps, request, browser } = this.#run;
    const taken = steps.length >= (request.max_steps ?? Number.POSITIVE_INFINITY);
    if (taken) this.fail(`The run has taken all of its ${request.max_steps} steps.`);
    this.#abort.signal.throwIfAborted();
    steps.push({ ...step, at: this.#cloud.clock.now() });
    if (step.url !== undefined) browser.page = step.url;
  }

  #download(fileName: string, data: string | Uint8Array, mediaType?: string): void {
    const artifact = this.#keep("download", data, mediaType, fileName);
    this.#run.session?.downloads.push(artifact);
  }

  /** What the agent does with its bytes afterwards does not change the artifact. */
  #keep(
    type: string,
    data: string | Uint8Array,
    mediaType = "application/octet-stream",
    fileName: string | null = null,
  ): Artifact {
    const bytes = typeof data === "string" ? Buffer.from(data) : new Uint8Array(data);
    const [id, createdAt] = [this.#cloud.newId("a"), this.#cloud.clock.now()];
    const artifact: Artifact = { id, type, run: this.#run, createdAt, bytes, mediaType, fileName };
    this.#cloud.artifacts.set(id, artifact);
    this.#run.artifacts.push(artifact);
    return artifact;
  }
}

/** Why a session cannot be worked in. */
function obstacleIn({ id, completedAt, run }: Session): string | undefined {
  if (completedAt !== null) return `The browser session ${id} is closed.`;
  return run ? `The browser session ${id} is already occupied by ${run.id}.` : undefined;
}

/** What an agent answered, as an output can hold it. */
function outputOf(answer: unknown): Run["output"] {
  if (answer === undefined || answer === null) return null;
  if (typeof answer === "string") return answer;
  if (typeof answer !== "object") throw new TypeError(`A ${typeof answer} can be no output.`);
  return JSON.parse(JSON.stringify(answer)) as Run["output"]; // of an object JSON makes an object or a list
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import type { Order, Report, Step, WorkerConfig } from "./protocol.ts";

/** A worker in one file, for plain node. */
export interface Bundle {
  readonly path: string;
  remove(): void;
}

const REQUIRE = `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`;

/** Bundles the worker, so that many of them start fast. */
export async function bundleWorker(): Promise<Bundle> {
  const folder = mkdtempSync(join(tmpdir(), "browser-use-chaos-"));
  const path = join(folder, "worker.mjs");
  await build({
    entryPoints: [join(import.meta.dirname, "worker.ts")],
    outfile: path,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "error",
    banner: { js: REQUIRE },
  });
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** One worker process. It is ended by its own handle. */
export class WorkerProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, (report: Report & { readonly type: "answer" }) => void>();
  readonly #exit: Promise<unknown>;
  #steps = 0;
  #errors = "";
  #wasKilled = false;
  isPaused = false;

  constructor(bundle: Bundle, config: WorkerConfig, onReport: (report: Report) => void = () => {}) {
    this.name = config.name;
    this.#child = spawn(process.execPath, [bundle.path], {
      env: { PATH: process.env["PATH"], CHAOS_WORKER: JSON.stringify(config) },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#exit = once(this.#child, "exit");
    this.#child.stderr?.on("data", (data) => {
      this.#errors = (this.#errors + String(data)).slice(-4_000);
    });
    this.#child.on("message", (message) => {
      const report = message as Report;
      if (report.type === "answer") this.#answers.get(report.id)?.(report);
      onReport(report);
    });
    this.#child.on("error", () => {});
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** How it ended when nobody killed it, and it did not end well. */
  get failure(): string | undefined {
    const { exitCode, signalCode } = this.#child;
    if (!this.hasEnded || this.#wasKilled || exitCode === 0) return undefined;
    return `${signalCode ?? exitCode} ${this.#errors}`;
  }

  /** @throws an error with the name and the message that the worker saw. */
  async step(step: Step): Promise<unknown> {
    const id = ++this.#steps;
    const answer = new Promise<Report & { readonly type: "answer" }>((resolve) => this.#answers.set(id, resolve));
    this.#send({ type: "step", id, step });
    const gone = this.#exit.then(() => ({
      error: { name: "Gone", message: `${this.name} has ended. ${this.#errors}` },
    }));
    const { error, value } = { value: undefined, error: undefined, ...(await Promise.race([answer, gone])) };
    if (error) throw Object.assign(new Error(error.message), { name: error.name });
    return value;
  }

  /** Lets it end its tickets and close its pool. */
  async stop(): Promise<void> {
    this.#send({ type: "stop" });
    await this.#exit;
  }

  pause(): void {
    this.isPaused = this.#child.kill("SIGSTOP");
  }

  resume(): void {
    this.#child.kill("SIGCONT");
    this.isPaused = false;
  }

  /** Ends it at once, paused or not. */
  async kill(): Promise<void> {
    if (this.hasEnded) return;
    this.#wasKilled = true;
    this.#child.kill("SIGKILL");
    await this.#exit;
  }

  #send(order: Order): void {
    if (this.#child.connected) this.#child.send(order, () => {});
  }
}

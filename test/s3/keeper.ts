import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** Reads process ids until whoever writes them is gone, however that came about; then ends those processes and removes the folder. */
const SCRIPT = 'while read -r id; do ids="$ids $id"; done; kill -9 $ids; rm -rf "$0" || { sleep 1; rm -rf "$0"; }';

/** Sees to it that nothing of a folder's processes is left, even when the one that started them is killed. */
export class Keeper {
  readonly #shell: ChildProcess;

  constructor(folder: string) {
    // In a group of its own: the Ctrl-C that ends the tests must not end it.
    this.#shell = spawn("sh", ["-c", SCRIPT, folder], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  }

  /** Takes a process over. */
  take(child: ChildProcess): void {
    this.#shell.stdin?.write(`${child.pid}\n`);
  }

  /** Ends everything now. */
  async close(): Promise<void> {
    if (this.#shell.exitCode !== null || this.#shell.signalCode !== null) return;
    const gone = once(this.#shell, "exit");
    this.#shell.stdin?.end();
    await gone;
  }
}

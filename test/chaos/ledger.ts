import type { Cloud } from "./cloud.ts";
import type { WorkerProcess } from "./fleet.ts";
import type { Report } from "./protocol.ts";

interface Ticket {
  readonly worker: WorkerProcess;
  readonly askedAt: number;
  readonly about: string;
}

interface Confirmed {
  readonly session: string;
  readonly mark: string;
}

/** Holds what the workers tell against what the vendor has seen. */
export class Ledger {
  readonly events = new Map<string, number>();
  readonly unserved = new Map<string, number>();
  readonly waits: number[] = [];
  readonly #cloud: Cloud;
  readonly #waiting = new Map<string, Ticket>();
  readonly #blamed = new Set<string>();
  #confirmed: Confirmed[] = [];
  #unfairMs = 0;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  get waiting(): number {
    return [...this.#waiting.values()].filter(({ worker }) => !worker.hasEnded).length;
  }

  /** Nobody could be served for so long, so that it is not counted as waiting. */
  unfair(ms: number): void {
    this.#unfairMs += ms;
  }

  take(worker: WorkerProcess, report: Report): void {
    const { judge } = this.#cloud;
    switch (report.type) {
      case "asked": {
        const about = `${report.lease} ${JSON.stringify(report.request)}`;
        this.#waiting.set(report.lease, { worker, askedAt: this.#fairNow(), about });
        return;
      }
      case "granted":
        this.#waiting.delete(report.lease);
        this.waits.push(report.waitedMs);
        judge.note(`granted to ${report.lease} fence=${report.fence}`, this.#aboutOf(report.session));
        return;
      case "unserved":
        this.#waiting.delete(report.lease);
        count(this.unserved, report.error);
        // Nobody opens sessions beside the pools, so that this is a pool in the way of itself.
        if (report.error === "ProfileInUseError")
          judge.blame("refused", `${report.lease}: ${report.why}`, { session: report.lease });
        judge.note(`${report.lease} is not served after ${report.waitedMs} ms: ${report.why}`, {
          session: report.lease,
        });
        return;
      case "confirmed":
        this.#confirmed.push(report);
        return;
      case "robbed":
        this.#robbed(report.lease, report.session, report.error);
        return;
      case "event":
        count(this.events, report.name);
        // There are hundreds of these while the store is down.
        if (report.name === "storeFailed") return;
        judge.note(`${worker.name} tells ${report.event}`, this.#aboutOf(sessionIn(report.event)));
        return;
      case "fault":
        judge.blame("crash", `${worker.name}: ${report.what}`);
    }
  }

  /** Whoever waits for longer than this, in a process that can hear, has been forgotten. */
  checkWaits(boundMs: number): void {
    const now = this.#fairNow();
    for (const [lease, { worker, askedAt, about }] of this.#waiting) {
      if (worker.hasEnded) this.#waiting.delete(lease);
      else if (askedAt + boundMs < now && !worker.isPaused && !this.#blamed.has(lease)) {
        this.#blamed.add(lease);
        this.#cloud.judge.blame("I6", `${about} waits for ${Math.round(now - askedAt)} ms`, { session: lease });
      }
    }
  }

  #fairNow(): number {
    return performance.now() - this.#unfairMs;
  }

  /** What was confirmed, once its session was stopped, must be in the profile. */
  checkConfirmed(): void {
    this.#confirmed = this.#confirmed.filter(({ session, mark }) => {
      if (this.#cloud.keeps(session, mark) === false) this.#missing(session, mark);
      const known = this.#cloud.sessions.get(session);
      return known !== undefined && known.end === undefined;
    });
  }

  #missing(session: string, mark: string): void {
    const about = this.#aboutOf(session);
    // Two writers that were excused have cost what one of them had saved.
    if (this.#cloud.judge.excused.some(({ rule, profile }) => rule === "I2" && profile === about.profile)) return;
    this.#cloud.judge.blame("lost", `${mark} was confirmed, and is not in ${about.profile}`, about);
  }

  #robbed(lease: string, session: string, error: string): void {
    const end = this.#cloud.sessions.get(session)?.end;
    if (end?.how !== "stop") return;
    this.#cloud.judge.blame(
      "robbed",
      `${lease} holds, and ${end.by} stopped its session: ${error}`,
      this.#aboutOf(session),
    );
  }

  #aboutOf(session: string | undefined): { session?: string; profile?: string } {
    if (session === undefined) return {};
    const profile = this.#cloud.sessions.get(session)?.profile;
    return { session, ...(profile !== undefined && { profile }) };
  }

  /** In milliseconds. */
  waitQuantile(share: number): number {
    const sorted = [...this.waits].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  }
}

function sessionIn(event: string): string | undefined {
  return /"sessionId":"([^"]+)"/.exec(event)?.[1];
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

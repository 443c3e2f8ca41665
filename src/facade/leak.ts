import { SessionNotStoppedError } from "./errors.ts";
import { warn } from "./warning.ts";

/** What is gone leaks nothing, everything else may: told once, whoever waited for the stop. A report that throws takes nobody's result away. */
export function leakReporter(report: (error: SessionNotStoppedError) => void): (error: unknown) => void {
  const told = new WeakSet<Error>();
  return (error) => {
    if (!(error instanceof SessionNotStoppedError) || told.has(error)) return;
    told.add(error);
    try {
      Promise.resolve(report(error)).catch(() => warn(error));
    } catch {
      warn(error);
    }
  };
}

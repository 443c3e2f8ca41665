/** What costs money must not be silent. Runtimes without process warnings need the options that take a listener. */
export function warn(error: Error): void {
  const { process } = globalThis as { process?: { emitWarning?: (warning: Error) => void } };
  process?.emitWarning?.(error);
}

/** The value below which this share of all values lies. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** Three digits that count, never with an exponent. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "-";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(1e-3, Math.abs(value)))));
  return value.toFixed(Math.min(3, digits));
}

export function ms(value: number): string {
  return `${short(value)} ms`;
}

/** `1/240` for what is smaller, `3.1×` for what is larger. */
export function ratio(value: number): string {
  return value < 0.5 ? `1/${short(1 / value)}` : `${short(value)}×`;
}

export async function timed<T>(work: () => Promise<T>): Promise<{ readonly tookMs: number; readonly value: T }> {
  const begun = performance.now();
  const value = await work();
  return { tookMs: performance.now() - begun, value };
}

export function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

/** A clock that all processes of this machine share, in milliseconds. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

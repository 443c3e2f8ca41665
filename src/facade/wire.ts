/** An instant of the service. v2 writes UTC without saying so, which `Date` would take for local time. */
export function toDate(text: string | null | undefined): Date | null {
  if (!text) return null;
  const date = new Date(/(?:[zZ]|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(date.getTime()) ? null : date;
}

const DECIMALS = 18;

/** `a − b` of two decimal texts, without the rounding that numbers would add on the way; null when either is none. */
export function difference(a: string | null | undefined, b: string | null | undefined): number | null {
  const [left, right] = [toUnits(a), toUnits(b)];
  if (left === undefined || right === undefined) return null;
  const units = left - right;
  const digits = `${units < 0n ? -units : units}`.padStart(DECIMALS + 1, "0");
  return Number(`${units < 0n ? "-" : ""}${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`);
}

/** A decimal text as a number; null when it is none. */
export function toNumber(text: string | null | undefined): number | null {
  return difference(text, "0");
}

function toUnits(text: string | null | undefined): bigint | undefined {
  const match = /^([+-]?)(\d*)\.?(\d*)$/.exec(text ?? "");
  if (!match || !/\d/.test(text ?? "")) return undefined;
  const [, sign, whole = "", fraction = ""] = match;
  const units = BigInt(`${whole}${fraction.slice(0, DECIMALS).padEnd(DECIMALS, "0")}`);
  return sign === "-" ? -units : units;
}

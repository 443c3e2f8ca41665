/** An instant of the service. v2 writes UTC without saying so, which `Date` would take for local time. */
export function toDate(text: string | null | undefined): Date | null {
  if (!text) return null;
  const date = new Date(/(?:[zZ]|:\d\d(?:\.\d+)?[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
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

/** Python writes small decimals with an exponent: `0E-8`, `1E-7`. */
function toUnits(text: string | null | undefined): bigint | undefined {
  const match = /^([+-]?)(?=\.?\d)(\d{0,40})\.?(\d{0,40})(?:[eE]([+-]?\d\d?))?$/.exec(text ?? "");
  if (!match) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const shift = DECIMALS - fraction.length + Number(exponent);
  const digits = BigInt(whole + fraction);
  const units = shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift);
  return sign === "-" ? -units : units;
}

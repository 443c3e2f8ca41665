/** An instant of the service. v2 writes UTC without saying so, which `Date` would take for local time. */
export function toDate(text: string | null | undefined): Date | null {
  if (!text) return null;
  const date = new Date(/(?:[zZ]|:\d\d(?:\.\d+)?[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** Enough for every text that is taken: 40 digits after the point, and an exponent of -99. */
const DECIMALS = 140;
const UNIT = 10n ** BigInt(DECIMALS);

/** `a − b` of two decimal texts, without the rounding that numbers would add on the way; null when either is none. */
export function difference(a: string | null | undefined, b: string | null | undefined): number | null {
  const [left, right] = [toUnits(a), toUnits(b)];
  return left === undefined || right === undefined ? null : Number(toText(left - right));
}

/** A decimal text as a number; null when it is none. */
export function toNumber(text: string | null | undefined): number | null {
  return difference(text, "0");
}

/** An exact number of units as a decimal text, without an exponent and without zeros that say nothing. */
export function toText(units: bigint): string {
  const size = units < 0n ? -units : units;
  const fraction = `${size % UNIT}`.padStart(DECIMALS, "0").replace(/0+$/, "");
  return `${units < 0n ? "-" : ""}${size / UNIT}${fraction && `.${fraction}`}`;
}

/** A decimal text as a whole number of units. Python writes small decimals with an exponent: `0E-8`, `1E-7`. */
export function toUnits(text: string | null | undefined): bigint | undefined {
  const match = /^([+-]?)(?=\.?\d)(\d{0,40})\.?(\d{0,40})(?:[eE]([+-]?\d\d?))?$/.exec(text ?? "");
  if (!match) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const units = BigInt(whole + fraction) * 10n ** BigInt(DECIMALS - fraction.length + Number(exponent));
  return sign === "-" ? -units : units;
}

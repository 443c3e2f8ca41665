import { S3Problem } from "./problem.ts";

/** A part of an object: from the first byte to the one before the end. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a `Range` header. Undefined for what S3 answers with the whole object: no range, several of them, or none that it can read.
 *
 * @throws S3Problem 416 when no byte of the object is in it.
 */
export function rangeIn(header: string | null, size: number): ByteRange | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/i.exec(header ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
  if (start < end) return { start, end };
  const details = { RangeRequested: header ?? "", ActualObjectSize: size };
  throw new S3Problem(416, "InvalidRange", "The requested range is not satisfiable", details);
}

const LINE = "\r\n";

/** One part of a `multipart/form-data` body. */
export interface Part {
  readonly name: string;
  /** Undefined for a part that is no file. */
  readonly fileName: string | undefined;
  /** Its media type, when it has one. */
  readonly type: string | undefined;
  readonly bytes: Buffer;
  /** Where its content begins in the body. */
  readonly offset: number;
}

/** The parts in their order, and whether the closing boundary was there. */
export interface Multipart {
  readonly parts: readonly Part[];
  readonly complete: boolean;
}

/** The boundary that a `Content-Type` names; undefined when it is no `multipart/form-data`. */
export function boundaryOf(contentType: string): string | undefined {
  const match = /^multipart\/form-data\s*;.*?boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType);
  return match?.[1] ?? match?.[2];
}

/** Splits a body into parts. A cut-off body gives the parts it has; the last one ends where the body does. */
export function parseMultipart(body: Buffer, boundary: string): Multipart {
  const delimiter = `--${boundary}`;
  const parts: Part[] = [];
  let at = body.indexOf(delimiter);
  while (at >= 0) {
    at += delimiter.length;
    const after = body.toString("latin1", at, at + 2);
    if (after === "--") return { parts, complete: true };
    const headersEnd = body.indexOf(LINE + LINE, at);
    if (after !== LINE || headersEnd < 0) break;
    const offset = headersEnd + 4;
    const end = body.indexOf(LINE + delimiter, offset);
    const bytes = body.subarray(offset, end < 0 ? body.length : end);
    parts.push({ ...described(body.toString("utf8", at, headersEnd)), bytes, offset });
    at = end < 0 ? -1 : end + LINE.length;
  }
  return { parts, complete: false };
}

function described(headers: string): Pick<Part, "name" | "fileName" | "type"> {
  return {
    name: parameterIn(headers, "name") ?? "",
    fileName: parameterIn(headers, "filename"),
    type: /^content-type:[ \t]*([^\r\n]*)/im.exec(headers)?.[1],
  };
}

function parameterIn(headers: string, name: string): string | undefined {
  const match = new RegExp(`^content-disposition:\\s*form-data\\s*;.*?\\b${name}="([^"]*)"`, "im").exec(headers);
  return match?.[1]?.replace(/%22/g, '"');
}

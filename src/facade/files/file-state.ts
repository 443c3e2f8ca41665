/** What an answer says of the file that it brings. */
export interface FileState {
  /** Undefined where the runtime alone can count: of a compressed file it hides the bytes on the wire. */
  readonly totalBytes: number | undefined;
  /** Names this state of the file; undefined where the store gives nothing that can be relied on. */
  readonly tag: string | undefined;
}

/** How long a whole file is on the wire, so far as this answer or the listing says it. */
export function sizeOf({ headers }: Response, listedBytes: number | undefined): number | undefined {
  return lengthOf(headers) ?? listedBytes;
}

/** The state of a file, by the answer that begins it. */
export function stateOf({ headers }: Response, sizeBytes: number): FileState {
  const isCompressed = isEncoded(headers);
  const tag = headers.get("ETag") ?? "";
  return {
    totalBytes: isCompressed && lengthOf(headers) !== undefined ? undefined : sizeBytes,
    tag: !isCompressed && tag.startsWith('"') ? tag : undefined,
  };
}

/** Whether an answer brings all that is missing of a file in this very state, and nothing else. */
export function isRestOf({ status, headers }: Response, at: number, { totalBytes = 0, tag }: FileState): boolean {
  const range = `bytes ${at}-${totalBytes - 1}/${totalBytes}`;
  const isSame = headers.get("ETag") === tag && headers.get("Content-Range") === range;
  return status === 206 && isSame && !isEncoded(headers);
}

function lengthOf(headers: Headers): number | undefined {
  const text = headers.get("Content-Length") ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Whether the runtime has unpacked the body, so that its bytes are not those on the wire. */
function isEncoded(headers: Headers): boolean {
  return /gzip|deflate|compress|br|zstd/i.test(headers.get("Content-Encoding") ?? "");
}

/** What was read of a body, and whether there was more. */
export interface ReadBody {
  readonly bytes: Buffer;
  readonly truncated: boolean;
}

/** Reads a body, but never keeps more than a limit. */
export async function readUpTo(body: ReadableStream<Uint8Array> | null, limit: number): Promise<ReadBody> {
  if (!body) return { bytes: Buffer.alloc(0), truncated: false };
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { bytes: Buffer.concat(chunks), truncated: false };
    chunks.push(value);
    size += value.length;
    if (size > limit) {
      await reader.cancel();
      return { bytes: Buffer.concat(chunks), truncated: true };
    }
  }
}

/**
 * Reads a body whose length was announced into one piece of memory, which is not touched before bytes come. `each` sees every chunk.
 * Undefined when it is longer or shorter.
 */
export async function readExactly(
  body: ReadableStream<Uint8Array> | null,
  length: number,
  each: (chunk: Uint8Array) => void,
): Promise<Uint8Array | undefined> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let size = 0;
  for await (const chunk of body ?? []) {
    if (size + chunk.length > length) return undefined;
    bytes.set(chunk, size);
    size += chunk.length;
    each(chunk);
  }
  return size === length ? bytes : undefined;
}

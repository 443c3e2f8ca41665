import { fail } from "../spec/problem.ts";

/**
 * The bytes of a file as text.
 *
 * @throws {@link SpecError} for what can be no description of an API: nothing, binary data, another encoding, a web page.
 */
export function textOf(bytes: Uint8Array, file: string): string {
  if (bytes.includes(0)) fail(file, "", "is binary, or text in UTF-16; give UTF-8 text");
  const text = decoded(bytes, file);
  if (text.trim() === "") fail(file, "", "is empty");
  if (/^\s*<(!doctype|html|head|body|\?xml|!--)/i.test(text))
    fail(file, "", "is a web page or XML; give the address of the raw file");
  return text.replace(/\r\n?/g, "\n");
}

function decoded(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return fail(file, `line ${invalidLine(bytes)}`, "is no valid UTF-8; save the file as UTF-8");
  }
}

/** Where the text stops being UTF-8: decoded without complaint and encoded again, it is another from there. */
function invalidLine(bytes: Uint8Array): number {
  const again = Buffer.from(Buffer.from(bytes).toString("utf8"));
  const first = bytes.findIndex((byte, index) => byte !== again[index]);
  return bytes.subarray(0, first).filter((byte) => byte === 10).length + 1;
}

import { expect, test } from "vitest";
import { byCodePoint } from "../../src/emulator/code-points.ts";

test("texts are in the order of their UTF-8 bytes", () => {
  const texts = ["", "a", "ab", "b", "ä", "\ud7ff", "\ue000", "\uff01", "😀", "😀a", "😁", "\u{10ffff}"];
  const bytes = [...texts].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

  expect(bytes).toEqual(texts);
  for (const a of texts) {
    for (const b of texts) {
      expect(Math.sign(byCodePoint(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }
  }
});

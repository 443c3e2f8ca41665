import { inspect } from "node:util";
import { expect } from "vitest";
import { DownloadError, UploadError } from "../../src/index.ts";
import { API_KEY, rejection } from "../support/clients.ts";

/** What the caller gets of a refused upload; it shows nothing that was signed, and no key. */
export async function refusedUpload(work: Promise<unknown>): Promise<UploadError> {
  const error = await secretless(work);
  expect(error).toBeInstanceOf(UploadError);
  return error as UploadError;
}

/** What the caller gets of a refused download. */
export async function refusedDownload(work: Promise<unknown>): Promise<DownloadError> {
  const error = await secretless(work);
  expect(error).toBeInstanceOf(DownloadError);
  return error as DownloadError;
}

async function secretless(work: Promise<unknown>): Promise<unknown> {
  const error = await rejection(work);
  const shown = inspect(error, { depth: 9 });
  expect(shown).not.toMatch(/X-Amz-(Signature|Credential)=(?!\[redacted\])/i);
  expect(shown).not.toContain(API_KEY);
  return error;
}

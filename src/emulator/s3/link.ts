import type { Bucket } from "./bucket.ts";
import { S3Problem } from "./problem.ts";
import { fromBasicDate } from "./signature.ts";

/** A request below a signed link, and the length of its body when that is known. */
export interface LinkedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly length: number | undefined;
}

/**
 * Checks that a request is what the link was signed for, and in time.
 *
 * @throws S3Problem 403
 */
export function checkLink(request: LinkedRequest, bucket: Bucket, now: number): void {
  const query = request.url.searchParams;
  const credential = query.get("X-Amz-Credential");
  if (credential === null) throw S3Problem.denied("Access Denied");
  if (!bucket.knows(credential)) throw S3Problem.unknownKey();
  const names = (query.get("X-Amz-SignedHeaders") ?? "").split(";");
  const headers = new Map(names.map((name) => [name, headerOf(request, name)]));
  if (!bucket.verifiesLink({ ...request, headers })) throw S3Problem.signature();
  const expiresAt = fromBasicDate(query.get("X-Amz-Date") ?? "") + Number(query.get("X-Amz-Expires")) * 1000;
  if (!(now < expiresAt)) throw S3Problem.denied("Request has expired");
  checkUnsigned(request.headers, names);
}

/** Other headers may be there without having been signed, but not those that tell S3 what to do. */
function checkUnsigned(headers: Headers, signed: readonly string[]): void {
  const unsigned = [...headers.keys()].filter((name) => name.startsWith("x-amz-") && !signed.includes(name));
  if (unsigned.length === 0) return;
  const details = { HeadersNotSigned: unsigned.join(", ") };
  throw new S3Problem(403, "AccessDenied", "There were headers present in the request which were not signed", details);
}

function headerOf({ url, headers, length }: LinkedRequest, name: string): string {
  if (name === "host") return url.host;
  return name === "content-length" ? String(length ?? "") : (headers.get(name) ?? "");
}

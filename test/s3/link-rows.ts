import { createHash } from "node:crypto";
import {
  type Change,
  DATA,
  different,
  EXPIRED,
  KEY_SHOWS,
  type MakeRequest,
  type Row,
  same,
  TYPE,
  UNSIGNED,
  WANTED,
  withHeader,
  withOtherKey,
  withoutQuery,
  withQuery,
} from "./row.ts";

/** A right PUT, made wrong. */
function put(change: Change = (right) => right, wanted = WANTED): MakeRequest {
  return async (front) =>
    change({ method: "PUT", url: await front.putLink(wanted), headers: [["Content-Type", TYPE]], body: DATA });
}

const typed = (type: string) => put((right) => ({ ...right, headers: [["Content-Type", type]] }));
const filled = (text: string) => put((right) => ({ ...right, body: Buffer.from(text) }));
const withoutBody: Change = ({ body: _, ...rest }) => rest;
const NO_MATCH = "403 SignatureDoesNotMatch";

/** Requests by a link that was signed for PUT. */
export const PUT_ROWS: readonly Row[] = [
  same("as it was signed", put(), "200"),
  same("that has expired", put(undefined, EXPIRED), "403 AccessDenied"),
  same("that has expired and says it has not", put(withQuery("X-Amz-Expires", "9999"), EXPIRED), NO_MATCH),
  same("of another type", typed("text/csv"), NO_MATCH),
  same("whose type has a charset", typed("text/plain;charset=UTF-8"), NO_MATCH),
  same("whose type is in other letters", typed("Text/Plain"), NO_MATCH),
  same("as a form", typed("multipart/form-data; boundary=b"), NO_MATCH),
  same(
    "without a type",
    put((right) => ({ ...right, headers: [] })),
    NO_MATCH,
  ),
  same("that is longer", filled("hello!"), NO_MATCH),
  same("that is shorter", filled("hell"), NO_MATCH),
  same("that is empty", filled(""), NO_MATCH),
  same(
    "in chunks, without a length",
    put((right) => ({ ...right, chunked: true })),
    NO_MATCH,
  ),
  same("without a length", put(withoutBody), NO_MATCH),
  different(
    "that breaks off",
    put((right) => ({ ...right, announced: 5, body: DATA.subarray(2) })),
    "404 NoSuchKey",
    "400",
    "the gateway calls everything that breaks off so",
  ),
  same("with a wrong signature", put(withQuery("X-Amz-Signature", "0".repeat(64))), NO_MATCH),
  same("without a signature", put(withQuery("X-Amz-Signature", undefined)), "403 AccessDenied", NO_MATCH),
  same("without anything signed", put(withoutQuery), "403 AccessDenied"),
  same(
    "signed by nobody it knows",
    put(withQuery("X-Amz-Credential", "SOMEBODY/20260101/us-east-1/s3/aws4_request")),
    "403 InvalidAccessKeyId",
  ),
  same("with something added to its query", put(withQuery("a", "b")), NO_MATCH),
  same("for another key", put(withOtherKey), NO_MATCH),
  same(
    "to another name of the same host",
    put((right) => ({ ...right, url: right.url.replace("127.0.0.1", "localhost") })),
    NO_MATCH,
  ),
  same(
    "as GET",
    put((right) => ({ ...withoutBody(right), method: "GET" })),
    NO_MATCH,
  ),
  same("with credentials", put(withHeader("Authorization", "Bearer k")), "400 InvalidArgument"),
  different("with our key", put(withHeader("X-Browser-Use-API-Key", "k")), "200", "400 InvalidArgument", KEY_SHOWS),
  different(
    "with headers for the store that were not signed",
    put(withHeader("x-amz-meta-a", "1")),
    "200",
    "403 AccessDenied",
    UNSIGNED,
  ),
];

const TEN = Buffer.from("0123456789");
const ETAG = `"${createHash("md5").update(TEN).digest("hex")}"`;

/** A right GET of ten bytes, made wrong. */
function get(change: Change = (right) => right, isExpired = false): MakeRequest {
  return async (front) => change({ method: "GET", url: await front.getLink(TEN, isExpired) });
}

const asking = (...headers: [name: string, value: string][]) => get((right) => ({ ...right, headers }));

/** Requests by a link that was signed for GET. */
export const GET_ROWS: readonly Row[] = [
  same("as it was signed", get(), "200"),
  same("that has expired", get(undefined, true), "403 AccessDenied"),
  same("with a wrong signature", get(withQuery("X-Amz-Signature", "0".repeat(64))), NO_MATCH),
  same("without anything signed", get(withoutQuery), "403 AccessDenied"),
  same("for another key", get(withOtherKey), NO_MATCH),
  same("for bytes from the middle on", asking(["Range", "bytes=3-"]), "206"),
  same("for bytes in the middle", asking(["Range", "bytes=3-4"]), "206"),
  same("for the last bytes", asking(["Range", "bytes=-3"]), "206"),
  same("for more bytes than there are", asking(["Range", "bytes=3-99"]), "206"),
  same("for bytes that are not there", asking(["Range", "bytes=10-"]), "416 InvalidRange"),
  same("for a range of something else", asking(["Range", "lines=3-4"]), "200"),
  different(
    "for bytes backwards",
    asking(["Range", "bytes=5-3"]),
    "416 InvalidRange",
    "200",
    "HTTP has a range that means nothing be ignored",
  ),
  different("for two ranges", asking(["Range", "bytes=0-1,3-4"]), "206", "200", "S3 gives one range at a time"),
  same("for the rest of this very state", asking(["Range", "bytes=3-"], ["If-Range", ETAG]), "206"),
  different(
    "for the rest of another state",
    asking(["Range", "bytes=3-"], ["If-Range", '"other"']),
    "206",
    "200",
    "the gateway does not know If-Range",
  ),
  same("for this very state", asking(["Range", "bytes=3-"], ["If-Match", ETAG]), "206"),
  same("for another state", asking(["If-Match", '"other"']), "412 PreconditionFailed"),
  different(
    "as HEAD",
    get((right) => ({ ...right, method: "HEAD" })),
    "403",
    "200",
    "the emulator is laxer than S3 is",
  ),
  different(
    "as DELETE",
    get((right) => ({ ...right, method: "DELETE" })),
    NO_MATCH,
    "405 MethodNotAllowed",
    "the emulator deletes by its API alone",
  ),
  same("with credentials", asking(["Authorization", "Bearer k"]), "400 InvalidArgument"),
  different("with our key", asking(["X-Browser-Use-API-Key", "k"]), "200", "400 InvalidArgument", KEY_SHOWS),
  different(
    "with headers for the store that were not signed",
    asking(["x-amz-meta-a", "1"]),
    "200",
    "403 AccessDenied",
    UNSIGNED,
  ),
];

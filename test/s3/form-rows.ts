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
  WANTED,
  withHeader,
} from "./row.ts";
import { type Part, posting } from "./wire.ts";

const FILE: Part = ["file", DATA];
const ANYTHING_GOES = Buffer.from('{"expiration":"2099-01-01T00:00:00Z","conditions":[]}').toString("base64");

const isNamed = (name: string) => (part: Part) => part[0].toLowerCase() === name;
const isNotNamed = (name: string) => (part: Part) => part[0].toLowerCase() !== name;

/** A form whose parts are not as they were signed. */
function parts(change: (fields: Part[]) => Part[], wanted = WANTED, ending?: string): MakeRequest {
  return async (front) => {
    const { url, fields } = await front.form(wanted);
    return posting(url, change(Object.entries(fields)), ending);
  };
}

const fields = (change: (fields: Part[]) => Part[]) => parts((given) => [...change(given), FILE]);
const files = (...contents: Uint8Array[]) =>
  parts((given) => [...given, ...contents.map((bytes): Part => ["file", bytes])]);
const holding = (name: string, value: string) => fields((given) => [...given, [name, value]]);
const without = (name: string) => fields((given) => given.filter(isNotNamed(name)));
const renamed = (name: (old: string) => string) =>
  fields((given) => given.map(([old, value]): Part => [name(old), value]));
const changed = (name: string, value: string) =>
  fields((given) => given.map((part): Part => (isNamed(name)(part) ? [part[0], value] : part)));

/** A right form in a request that is wrong. */
function request(change: Change): MakeRequest {
  const right = parts((given) => [...given, FILE]);
  return async (front) => change(await right(front));
}

const cut: Change = ({ body = DATA, ...rest }) => ({ ...rest, body: body.subarray(0, -60), announced: body.length });
const ONE_CODE = "403 AccessDenied";
const UNKNOWN_KEY = "SOMEBODY/20260101/us-east-1/s3/aws4_request";
const LARGEST = 10 * 1024 * 1024;

/** Forms, and what becomes of them. */
export const FORM_ROWS: readonly Row[] = [
  same(
    "as it was signed",
    parts((given) => [...given, FILE]),
    "204",
  ),
  same(
    "of the largest size",
    parts((given) => [...given, ["file", Buffer.alloc(LARGEST)]], { type: TYPE, sizeBytes: LARGEST }),
    "204",
  ),
  same(
    "with its fields in another order",
    fields((given) => given.reverse()),
    "204",
  ),
  same(
    "with names in lower case",
    renamed((name) => name.toLowerCase()),
    "204",
  ),
  same(
    "with names in upper case",
    renamed((name) => name.toUpperCase()),
    "204",
  ),
  same(
    "that has expired",
    parts((given) => [...given, FILE], EXPIRED),
    "403 AccessDenied",
  ),

  same("without its type", without("content-type"), "403 AccessDenied"),
  same("without its policy", without("policy"), "403 AccessDenied"),
  same("without its key", without("key"), "400 InvalidArgument"),
  same("without its signature", without("x-amz-signature"), "400 InvalidArgument"),
  same("without its credential", without("x-amz-credential"), "400 InvalidArgument"),
  same("without its date", without("x-amz-date"), "400 InvalidArgument"),
  same("without its algorithm", without("x-amz-algorithm"), "400 InvalidArgument"),

  same("of another type", changed("content-type", "text/csv"), "403 AccessDenied"),
  same("whose type has a charset", changed("content-type", "text/plain;charset=UTF-8"), "403 AccessDenied"),
  same("whose type is in other letters", changed("content-type", "Text/Plain"), "403 AccessDenied"),
  same("whose type is empty", changed("content-type", ""), "403 AccessDenied"),
  same("for another key", changed("key", "somebody/else"), "403 AccessDenied"),
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the store's own placeholder.
  same("for a key that the store is to fill in", changed("key", "${filename}"), "403 AccessDenied"),
  same("with another date", changed("x-amz-date", "20260101T000000Z"), "403 AccessDenied"),
  same("with a policy that allows all", changed("policy", ANYTHING_GOES), ONE_CODE, "403 SignatureDoesNotMatch"),
  same("with a policy that is none", changed("policy", "{}"), ONE_CODE, "403 SignatureDoesNotMatch"),
  same("with a wrong signature", changed("x-amz-signature", "0".repeat(64)), ONE_CODE, "403 SignatureDoesNotMatch"),
  same("with an empty signature", changed("x-amz-signature", ""), ONE_CODE, "403 SignatureDoesNotMatch"),
  same("signed by nobody it knows", changed("x-amz-credential", UNKNOWN_KEY), ONE_CODE, "403 InvalidAccessKeyId"),
  different(
    "signed in another way",
    changed("x-amz-algorithm", "AWS4-HMAC-SHA1"),
    "400 InvalidArgument",
    "403 AccessDenied",
    "the emulator sees only that it differs from the policy",
  ),
  different(
    "whose type ends with a space",
    changed("content-type", "text/plain "),
    "204",
    "403 AccessDenied",
    "the gateway takes spaces off",
  ),

  same("with an acl that was not signed", holding("acl", "public-read"), "403 AccessDenied"),
  same("with a status that was not signed", holding("success_action_status", "201"), "403 AccessDenied"),
  same("with metadata that was not signed", holding("x-amz-meta-a", "1"), "403 AccessDenied"),
  same("with a field to be ignored", holding("x-ignore-this", "1"), "204"),
  different(
    "that names another bucket",
    fields((given) => [...given.filter(isNotNamed("bucket")), ["bucket", "other"]]),
    "204",
    "403 AccessDenied",
    "the gateway looks at the address alone",
  ),
  different(
    "with a field twice",
    fields((given) => [...given, ...given.filter(isNamed("key"))]),
    "204",
    "400 InvalidArgument",
    "the gateway takes the last one",
  ),
  different(
    "with fields of 21 KB",
    holding("x-ignore-much", "x".repeat(21_000)),
    "204",
    "400 MaxPostPreDataLengthExceeded",
    "the gateway has no such limit",
  ),

  same(
    "with the file first",
    parts((given) => [FILE, ...given]),
    "400 InvalidArgument",
  ),
  same(
    "with the policy after the file",
    parts((given) => [...given.filter(isNotNamed("policy")), FILE, ...given.filter(isNamed("policy"))]),
    "403 AccessDenied",
  ),
  same(
    "with a field after the file",
    parts((given) => [...given, FILE, ["acl", "public-read"]]),
    "204",
  ),
  same("without a file", files(), "400 EntityTooSmall", "400 InvalidArgument"),
  different("with two files", files(DATA, DATA), "204", "400 InvalidArgument", "the gateway takes the first one"),
  same("with an empty file", files(Buffer.alloc(0)), "400 EntityTooSmall"),
  same("with a file that is too small", files(DATA.subarray(1)), "400 EntityTooSmall"),
  same("with a file that is too large", files(Buffer.from("hello!")), "400 EntityTooLarge"),
  same("with a file that is far too large", files(Buffer.alloc(2 * LARGEST)), "400 EntityTooLarge"),

  same(
    "in chunks, without a length",
    request((right) => ({ ...right, chunked: true })),
    "411 MissingContentLength",
  ),
  same(
    "that does not end",
    parts((given) => [...given, FILE], WANTED, ""),
    "400 InvalidArgument",
    "400 MalformedPOSTRequest",
  ),
  different(
    "that breaks off in the file",
    request(cut),
    "404 NoSuchKey",
    "400",
    "the gateway calls everything that breaks off so",
  ),
  same(
    "that is empty",
    request((right) => ({ ...right, body: Buffer.alloc(0) })),
    "400 InvalidArgument",
    "400 MalformedPOSTRequest",
  ),
  different(
    "that does not say it is one",
    request((right) => ({ ...right, headers: [["Content-Type", TYPE]] })),
    "400 InvalidArgument",
    "412 PreconditionFailed",
    "each words it in its own way",
  ),
  same("in a request with credentials", request(withHeader("Authorization", "Bearer k")), "400 InvalidArgument"),
  same("in a request with headers for the store", request(withHeader("x-amz-acl", "public-read")), "204"),
  different(
    "in a request with our key",
    request(withHeader("X-Browser-Use-API-Key", "k")),
    "204",
    "400 InvalidArgument",
    KEY_SHOWS,
  ),
  same(
    "to another bucket",
    request((right) => ({ ...right, url: `${right.url}-other` })),
    "404 NoSuchBucket",
  ),
];

import type { Bucket } from "./bucket.ts";
import { S3Problem } from "./problem.ts";

interface Policy {
  readonly expiration: string;
  readonly conditions: readonly (Readonly<Record<string, string>> | readonly [string, ...unknown[]])[];
}

const SIGNED_FIELDS = ["x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"];
const NOT_IN_POLICY = new Set(["policy", "x-amz-signature", "file"]);

/**
 * Checks the fields of a form (names in lower case) against the policy they carry.
 *
 * @throws S3Problem for a policy that is missing, tampered with or expired, and for any field that differs from it.
 */
export function checkPolicy(fields: ReadonlyMap<string, string>, bucket: Bucket, now: number): void {
  const text = fields.get("policy");
  if (text === undefined) throw S3Problem.denied("Access Denied");
  const missing = SIGNED_FIELDS.find((name) => !fields.has(name));
  if (missing) {
    throw new S3Problem(400, "InvalidArgument", `Bucket POST must contain a field named '${missing}'.`);
  }
  const credential = fields.get("x-amz-credential") ?? "";
  if (!bucket.knows(credential)) throw S3Problem.unknownKey();
  if (!bucket.verifies(fields.get("x-amz-signature") ?? "", text, credential)) throw S3Problem.signature();
  const policy = policyIn(text);
  if (!(now < Date.parse(policy.expiration))) throw invalid("Policy expired.");
  checkConditions(policy, new Map([["bucket", bucket.name], ...fields]));
}

/**
 * Checks the size of a file against the range in the form's policy, which must have been checked before.
 *
 * @throws S3Problem 400 when it is too small or too large.
 */
export function checkSize(fields: ReadonlyMap<string, string>, size: number): void {
  for (const condition of policyIn(fields.get("policy") ?? "").conditions) {
    if (!Array.isArray(condition) || condition[0] !== "content-length-range") continue;
    const [, min, max] = condition.map(Number);
    if (size < (min ?? 0)) {
      const details = { ProposedSize: size, MinSizeAllowed: min ?? 0 };
      throw new S3Problem(
        400,
        "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
        details,
      );
    }
    if (size > (max ?? 0)) {
      const details = { MaxSizeAllowed: max ?? 0 };
      throw new S3Problem(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", details);
    }
  }
}

function checkConditions(policy: Policy, fields: ReadonlyMap<string, string>): void {
  const named = new Set<string>();
  for (const condition of policy.conditions) {
    const rules = Array.isArray(condition)
      ? [condition]
      : Object.entries(condition).map(([k, v]) => ["eq", `$${k}`, v]);
    for (const [operator, field, value] of rules) {
      if (operator === "content-length-range") continue;
      const name = String(field).slice(1).toLowerCase();
      named.add(name);
      const given = fields.get(name);
      const holds = operator === "starts-with" ? given?.startsWith(String(value)) : given === String(value);
      if (!holds) throw invalid(`Policy Condition failed: ${JSON.stringify([operator, field, value])}`);
    }
  }
  for (const name of fields.keys()) {
    if (named.has(name) || NOT_IN_POLICY.has(name) || name.startsWith("x-ignore-")) continue;
    throw invalid(`Extra input fields: ${name}`);
  }
}

/** Only called for text whose signature holds, so it is what we wrote. */
function policyIn(text: string): Policy {
  return JSON.parse(Buffer.from(text, "base64").toString("utf8")) as Policy;
}

function invalid(message: string): S3Problem {
  return S3Problem.denied(`Invalid according to Policy: ${message}`);
}

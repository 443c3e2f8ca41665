import { createHmac } from "node:crypto";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { BUCKET, type Gateway, ownerOf } from "./rados-gateway.ts";

/** What is to be signed for: one file, under its key. */
export interface SignedFile {
  readonly key: string;
  readonly type: string;
  readonly sizeBytes: number;
  /** How long ago it was signed, and for how long. Default: now, for five minutes. */
  readonly signedAgoS?: number;
  readonly expiresInS?: number;
}

/** A form as the service hands it out. */
export interface SignedForm {
  readonly url: string;
  readonly fields: Record<string, string>;
}

/** A file that is stored. */
export interface Stored {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

const VALID_S = 300;
const SCOPE = "us-east-1/s3/aws4_request";

/** The store as its owner has it: signs for others what they may do, and looks in by a way that no code under test takes. */
export class Store {
  readonly #gateway: Gateway;
  readonly #owner: S3Client;
  readonly #signer: S3Client;
  /** The address that others are to use. */
  readonly origin: string;

  constructor(gateway: Gateway, origin: string) {
    this.#gateway = gateway;
    this.#owner = ownerOf(gateway);
    this.#signer = ownerOf({ ...gateway, origin });
    this.origin = origin;
  }

  /** A form as AWS's own SDK for JavaScript makes it: names in mixed case, and the policy last but one. */
  async form({ key, type, sizeBytes, signedAgoS = 0, expiresInS = VALID_S }: SignedFile): Promise<SignedForm> {
    return createPresignedPost(this.#signer, {
      Bucket: BUCKET,
      Key: key,
      Fields: { "Content-Type": type },
      Conditions: [["content-length-range", sizeBytes, sizeBytes]],
      Expires: expiresInS - signedAgoS,
    });
  }

  /** A form as AWS's SDK for Python makes it: names in lower case, in another order, and fields that say nothing. */
  async lowerCaseForm({ key, type, sizeBytes }: SignedFile): Promise<SignedForm> {
    const date = basicDate(new Date());
    const day = date.slice(0, 8);
    const signing = {
      "x-amz-algorithm": "AWS4-HMAC-SHA256",
      "x-amz-credential": `${this.#gateway.accessKey}/${day}/${SCOPE}`,
      "x-amz-date": date,
    };
    const exact = Object.entries({ "content-type": type, bucket: BUCKET, key, ...signing });
    const conditions = [["content-length-range", 1, sizeBytes], ...exact.map(([name, value]) => ({ [name]: value }))];
    const expiration = new Date(Date.now() + VALID_S * 1000).toISOString();
    const policy = Buffer.from(JSON.stringify({ expiration, conditions })).toString("base64");
    const signature = [day, ...SCOPE.split("/"), policy].reduce(hmac, `AWS4${this.#gateway.secretKey}`);
    const fields = { "content-type": type, key, ...signing, policy, "x-amz-signature": signature.toString("hex") };
    return { url: `${this.origin}/${BUCKET}`, fields };
  }

  /** A link to put one file by, good for this type and this size alone. */
  async putLink({ key, type, sizeBytes, ...age }: SignedFile): Promise<string> {
    const put = new PutObjectCommand({ Bucket: BUCKET, Key: key, ContentType: type, ContentLength: sizeBytes });
    const signableHeaders = new Set(["content-type", "content-length", "host"]);
    return getSignedUrl(this.#signer, put, { ...ageOf(age), signableHeaders });
  }

  /** A link to get one file by. */
  async getLink(key: string, age: Pick<SignedFile, "signedAgoS" | "expiresInS"> = {}): Promise<string> {
    return getSignedUrl(this.#signer, new GetObjectCommand({ Bucket: BUCKET, Key: key }), ageOf(age));
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#owner.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: bytes }));
  }

  async get(key: string): Promise<{ readonly bytes: Uint8Array; readonly type: string | undefined }> {
    const { Body, ContentType } = await this.#owner.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
    return { bytes: (await Body?.transformToByteArray()) ?? new Uint8Array(), type: ContentType };
  }

  async delete(key: string): Promise<void> {
    await this.#owner.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: key }));
  }

  /** A page of what is stored under keys that begin like this. */
  async list(
    prefix: string,
    page: { limit?: number; cursor?: string } = {},
  ): Promise<{ files: Stored[]; next?: string }> {
    const { Contents = [], NextContinuationToken: next } = await this.#owner.send(
      new ListObjectsV2Command({
        Bucket: BUCKET,
        Prefix: prefix,
        ...(page.limit && { MaxKeys: page.limit }),
        ...(page.cursor && { ContinuationToken: page.cursor }),
      }),
    );
    const files = Contents.map(({ Key: key = "", Size: sizeBytes = 0, LastModified: modifiedAt = new Date(0) }) => ({
      key,
      sizeBytes,
      modifiedAt,
    }));
    return { files, ...(next !== undefined && { next }) };
  }
}

function ageOf({ signedAgoS = 0, expiresInS = VALID_S }: Pick<SignedFile, "signedAgoS" | "expiresInS">) {
  return { signingDate: new Date(Date.now() - signedAgoS * 1000), expiresIn: expiresInS };
}

/** As AWS writes it: `20260131T235959Z`. */
function basicDate(date: Date): string {
  return date.toISOString().replace(/[-:]|\.\d+/g, "");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** A refusal as S3 words it: a status, a code, and an XML body. */
export class S3Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly #details: Readonly<Record<string, string | number>>;

  constructor(status: number, code: string, message: string, details: Readonly<Record<string, string | number>> = {}) {
    super(message);
    this.name = "S3Problem";
    this.status = status;
    this.code = code;
    this.#details = details;
  }

  /** 403, for anything that is not as it was signed. */
  static denied(message: string): S3Problem {
    return new S3Problem(403, "AccessDenied", message);
  }

  /** 403, for a signature that is not ours. */
  static signature(): S3Problem {
    return new S3Problem(
      403,
      "SignatureDoesNotMatch",
      "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    );
  }

  /** 403, for an access key that is not ours. */
  static unknownKey(): S3Problem {
    return new S3Problem(
      403,
      "InvalidAccessKeyId",
      "The AWS Access Key Id you provided does not exist in our records.",
    );
  }

  /** 411, for a body without a length. */
  static lengthMissing(): S3Problem {
    return new S3Problem(411, "MissingContentLength", "You must provide the Content-Length HTTP header.");
  }

  /** The answer; a HEAD request gets no body. */
  response(bodyless: boolean): Response {
    const elements = { Code: this.code, Message: this.message, ...this.#details, RequestId: "EMULATOR" };
    const inner = Object.entries(elements).map(([name, value]) => `<${name}>${escaped(String(value))}</${name}>`);
    const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${inner.join("")}</Error>`;
    return new Response(bodyless ? null : xml, { status: this.status, headers: { "Content-Type": "application/xml" } });
  }
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

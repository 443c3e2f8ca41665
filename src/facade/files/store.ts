import { redactor } from "../call/redact.ts";

const LONGEST_CODE = 100;
const LONGEST_MESSAGE = 300;

/** An address of the file store as it can be sent to: https, or this machine. Undefined for any other. */
export function storeUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  return isSafe ? url?.href : undefined;
}

/** Whether a host is this machine, where plain http is no risk. */
export function isLoopback(host: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/i.test(host);
}

/** Why a file store refuses, in its own words, without what it echoes of the address. */
export function reasonIn(text: string): { readonly storeCode: string | undefined; readonly why: string } {
  const storeCode = tagged("Code", text, LONGEST_CODE);
  const message = tagged("Message", text, LONGEST_MESSAGE);
  const why = [storeCode, message].filter(Boolean).join(": ") || "no reason given";
  return redactor([])({ storeCode, why });
}

function tagged(name: string, text: string, longest: number): string | undefined {
  return new RegExp(`<${name}>([^<]{1,${longest}})</${name}>`).exec(text)?.[1];
}

/** Whether a refusal says that the address is too old. Some stores say so with 400. */
export function saysExpired(status: number, text: string): boolean {
  return status === 403 || (status === 400 && /expired/i.test(text));
}

import { inject } from "vitest";
import { type Emulator, startEmulator } from "../../src/emulator/index.ts";
import type { Schema } from "../../src/emulator/operations.ts";
import { type SignedForm, Store } from "./store.ts";

/** What a store is asked to sign for. */
export interface Wanted {
  readonly type: string;
  readonly sizeBytes: number;
  readonly isExpired?: boolean;
}

/** A store that has signed something: the one that nobody here wrote, and the emulator's. */
export interface Front {
  form(wanted: Wanted): Promise<SignedForm>;
  putLink(wanted: Wanted): Promise<string>;
  /** A link to a file that holds these bytes. */
  getLink(bytes: Uint8Array, isExpired?: boolean): Promise<string>;
  close(): Promise<void>;
}

const PAST = { signedAgoS: 600, expiresInS: 300 };

/** The gateway, signed for by the AWS SDK. */
export function gatewayFront(): Front {
  const gateway = inject("gateway");
  if (!gateway) throw new Error("There is no object store.");
  const store = new Store(gateway, gateway.origin);
  let count = 0;
  const key = () => `verdicts/${++count}.txt`;
  const age = (isExpired = false) => (isExpired ? PAST : {});
  return {
    form: ({ isExpired, ...file }) => store.form({ key: key(), ...file, ...age(isExpired) }),
    putLink: ({ isExpired, ...file }) => store.putLink({ key: key(), ...file, ...age(isExpired) }),
    async getLink(bytes, isExpired) {
      const place = key();
      await store.put(place, bytes);
      return store.getLink(place, age(isExpired));
    },
    async close() {},
  };
}

/** The emulator, which signs for itself. */
export async function emulatorFront(): Promise<Front> {
  const emulator = await startEmulator();

  const { id: workspaceId } = await call<{ id: string }>(emulator, "POST", "/v3/workspaces", {});
  const age = <T>(signed: T, isExpired = false): T => {
    if (isExpired) emulator.advance(600_000);
    return signed;
  };
  const putLink = async ({ type, sizeBytes: size }: Wanted) => {
    const path = `/v3/workspaces/${workspaceId}/files/upload`;
    const body = { files: [{ name: "a.txt", contentType: type, size }] };
    const { files } = await call<Schema<"V3FileUploadResponse">>(emulator, "POST", path, body);
    return files[0]?.uploadUrl ?? "";
  };
  return {
    async form({ type: contentType, sizeBytes, isExpired }) {
      const { id } = await call<{ id: string }>(emulator, "POST", "/v2/sessions", {});
      const path = `/v2/files/sessions/${id}/presigned-url`;
      const body = { fileName: "a.txt", contentType, sizeBytes };
      const form = await call<SignedForm>(emulator, "POST", path, body);
      await call(emulator, "DELETE", `/v2/sessions/${id}`);
      return age(form, isExpired);
    },
    putLink: async (wanted) => age(await putLink(wanted), wanted.isExpired),
    async getLink(bytes, isExpired) {
      const type = "application/octet-stream";
      const url = await putLink({ type, sizeBytes: bytes.length });
      await fetch(url, { method: "PUT", headers: { "Content-Type": type }, body: new Blob([bytes as BlobPart]) });
      const path = `/v3/workspaces/${workspaceId}/files?includeUrls=true`;
      const { files } = await call<Schema<"V3FileListResponse">>(emulator, "GET", path);
      return age(files[0]?.url ?? "", isExpired);
    },
    close: () => emulator.close(),
  };
}

async function call<Body>({ url, apiKey }: Emulator, method: string, path: string, body?: object): Promise<Body> {
  const headers = { "X-Browser-Use-API-Key": apiKey, "Content-Type": "application/json" };
  const response = await fetch(url + path, { method, headers, body: body ? JSON.stringify(body) : null });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status} ${text}`);
  return (text === "" ? undefined : JSON.parse(text)) as Body;
}

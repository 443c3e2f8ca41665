import type { TestProject } from "vitest/node";
import { type Gateway, missingPrograms, startRadosGateway } from "./rados-gateway.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The object store of this run; null where its programs are not installed. */
    readonly gateway: Gateway | null;
  }
}

/** Starts one object store for all tests. With `CI=true` there must be one: a skipped test would say nothing there. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const missing = missingPrograms();
  if (missing.length === 0) {
    const { close, ...gateway } = await startRadosGateway();
    project.provide("gateway", gateway);
    return close;
  }
  const sentence = `${missing.join(", ")} cannot be found on the PATH (Debian: radosgw ceph-mon ceph-osd ceph-common).`;
  if (process.env["CI"] === "true") throw new Error(`CI=true needs a Ceph: ${sentence}`);
  console.warn(`All tests against S3 are skipped: ${sentence}`);
  project.provide("gateway", null);
  return undefined;
}

import { memoryLeaseStore } from "../../../src/facade/pool/memory.ts";
import { leaseStoreConformance } from "./lease-store.conformance.ts";

leaseStoreConformance("memory", async () => ({ store: memoryLeaseStore() }));

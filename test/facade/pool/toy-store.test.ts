import { leaseStoreConformance } from "./lease-store.conformance.ts";
import { toyLeaseStore } from "./toy-store.ts";

leaseStoreConformance("a list of facts", async () => ({ store: toyLeaseStore() }));

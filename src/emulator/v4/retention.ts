import type { Cloud } from "../cloud.ts";
import type { Handlers } from "../operations.ts";
import { problemsV4 } from "./problems.ts";

/** Handlers that refuse a project with zero data retention with 403, as nearly all of v4 does. */
export function keepingData(cloud: Cloud, handlers: Handlers): Handlers {
  const entries = Object.entries(handlers).map(([id, handler]) => [
    id,
    (call: never) => {
      if (cloud.settings.zeroDataRetention) throw problemsV4.zeroDataRetention();
      return handler(call);
    },
  ]);
  return Object.fromEntries(entries) as Handlers; // each stays under its own operation, with what that one takes and gives
}

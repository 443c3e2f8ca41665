import type { Api } from "./call/api.ts";
import { checkId } from "./call/check.ts";
import { isRecord } from "./call/redact.ts";
import { InvalidInputError } from "./errors.ts";
import type { RunList } from "./runs/run-list.ts";
import type { RunPort } from "./runs/runs.ts";
import { type V2Reference, type V2Step, type V2Task, v2Runs } from "./v2/runs.ts";
import type { V3Message } from "./v3/messages.ts";
import { type V3Reference, type V3View, v3Runs } from "./v3/runs.ts";
import type { V4Event } from "./v4/events.ts";
import { type V4Reference, type V4RunView, v4Runs } from "./v4/runs.ts";

/** What another process needs to wait for a run, and may not know in which session. It holds no secret. */
export type VersionReference = V2Reference | V3Reference | V4Reference;
/** What another process needs to wait for a run. It holds no secret. */
export type RunReference = VersionReference & { readonly sessionId: string };
/** The whole view behind a result, as the service gives it. */
export type RunView = V2Task | V3View | V4RunView;
/** What a step was made of. */
export type StepView = V2Step | V3Message | V4Event;

/** What a version of the API brings, for its runs to be waited for. */
export interface RunVersion<Reference> {
  /** Reads the lists in which its runs show their status. */
  readonly list: (api: Api) => RunList;
  readonly port: (api: Api, reference: Reference) => RunPort;
  /** The reference in what `run.toJSON()` gave, whose `id` has been checked; undefined when it is none. */
  readonly reference: (given: Readonly<Record<string, unknown>> & { readonly id: string }) => Reference | undefined;
}

type Versions = { readonly [Reference in VersionReference as Reference["apiVersion"]]: RunVersion<Reference> };
/** A version of the API that has runs. */
export type ApiVersion = keyof Versions;

/** The versions whose runs can be waited for. To add one, add it here and to the types above. */
const versions: Versions = { v2: v2Runs, v3: v3Runs, v4: v4Runs };

/** The lists of all versions. */
export function runListsOf(api: Api): Readonly<Record<ApiVersion, RunList>> {
  const lists = Object.entries(versions).map(([name, { list }]) => [name, list(api)]);
  return Object.fromEntries(lists) as Record<ApiVersion, RunList>;
}

/** What a run is watched by that was started before, here or in another process. */
export function runPortOf(api: Api, reference: VersionReference): RunPort {
  // Each version takes its own kind of reference, which the compiler cannot follow through the table.
  const { port } = versions[reference.apiVersion] as RunVersion<VersionReference>;
  return port(api, reference);
}

/**
 * Reads what `run.toJSON()` gave, perhaps from storage.
 *
 * @throws {@link InvalidInputError} when it is something else.
 */
export function referenceOf(given: unknown): VersionReference {
  const { apiVersion, id } = isRecord(given) ? given : {};
  const version = Object.entries(versions).find(([name]) => name === apiVersion)?.[1];
  const known = version?.reference({ ...(given as object), id: checkId("id", id) });
  if (known) return known;
  throw new InvalidInputError("resume takes what run.toJSON() gave, with all its fields.");
}

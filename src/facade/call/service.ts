/** What a success brings: a JSON object, a JSON list, nothing (204), or any JSON and none. */
export type Expected = "object" | "list" | "nothing" | "anything";

/** What a refusal means to whoever has to act on it. `full`: no more sessions; `busy`, `stopped`: this session, now or for good. */
export type Meaning = "authentication" | "full" | "busy" | "stopped";

/** What a refusal means whose status alone does not say it. What is left out holds for all. */
export interface Refusal {
  readonly statuses: readonly number[];
  /** Method and path as in the spec. */
  readonly operation?: string;
  /** Of the service's own words. */
  readonly text?: RegExp;
  readonly means: Meaning;
}

/** What tells the calls of one vendor's service from another's. */
export interface Service {
  /** Where it is, without its version. */
  readonly baseUrl: string;
  /** The environment variables that say otherwise, and that hold the key. */
  readonly variables: { readonly baseUrl: string; readonly apiKey: string };
  /** The header that carries the key. */
  readonly keyHeader: string;
  /** Operations that may be sent twice, besides every GET, PUT and DELETE. */
  readonly repeatable: readonly string[];
  /** What a success brings that is no JSON object, by operation. */
  readonly answers: Readonly<Record<string, Exclude<Expected, "object">>>;
  /** The first that fits counts; what fits none stays an `ApiError` of its status. This is the one place that reads texts. */
  readonly refusals: readonly Refusal[];
  /** The field by which a request names its session. */
  readonly sessionField: string;
  /** Fields of request bodies whose values must show in no error. */
  readonly secretFields: readonly string[];
}

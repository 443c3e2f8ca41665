import type { paths } from "../generated/api.ts";

/** A method of the generated path definitions. */
export type Method = "get" | "post" | "put" | "patch" | "delete";

/** The paths that have the method. */
export type PathsWith<M extends Method, Paths = paths> = {
  [P in keyof Paths]: Paths[P] extends { readonly [K in M]: unknown } ? P : never;
}[keyof Paths];

/** An operation of the generated path definitions. */
export type Operation<P extends keyof Paths, M extends Method, Paths = paths> = Paths[P][M & keyof Paths[P]];

type Json<T> = T extends { readonly content: { readonly "application/json": infer B } } ? B : undefined;

/** What an operation answers when it succeeds; undefined for 204. */
export type OkOf<O> = O extends { readonly responses: infer R }
  ? Json<R[Extract<keyof R, 200 | 201 | 202 | 204>]>
  : never;

/** The view that an operation answers, by path and method: the vendor renames schemas, not paths. */
export type Ok<P extends keyof Paths, M extends Method, Paths = paths> = OkOf<Operation<P, M, Paths>>;

/** The JSON body that an operation takes. */
export type Body<P extends keyof Paths, M extends Method, Paths = paths> =
  Operation<P, M, Paths> extends { readonly requestBody?: infer R } ? Json<NonNullable<R>> : never;

/** The query that an operation takes. */
export type Query<P extends keyof Paths, M extends Method, Paths = paths> =
  Operation<P, M, Paths> extends { readonly parameters: { readonly query?: infer Q } } ? NonNullable<Q> : never;

/** A list that grows at the service: what is known now, and any other text. */
export type Open<T extends string> = T | (string & {});

/** How one call is made. */
export interface CallOptions {
  /** Aborts the call, which then rejects with `signal.reason`. It never replaces a time limit. */
  readonly signal?: AbortSignal | undefined;
  /** Limit of one HTTP attempt with its body, in milliseconds. Default: the client's, 60,000. */
  readonly timeoutMs?: number | undefined;
  /** Limit of the call with all its retries, in milliseconds. Default: the client's, 120,000. */
  readonly totalTimeoutMs?: number | undefined;
  /** How often a call that may be sent again is sent again. Default: the client's, 3. */
  readonly maxRetries?: number | undefined;
}

/** How a wait for a run is made. */
export interface WaitOptions {
  /** Aborts the wait, which then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait, in milliseconds. Default: 4 hours, the longest that a session lives. */
  readonly waitTimeoutMs?: number | undefined;
}

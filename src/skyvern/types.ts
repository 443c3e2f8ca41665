import type * as facade from "../facade/types.ts";
import type { Method, Open } from "../facade/types.ts";
import type { paths } from "../generated/skyvern/api.ts";

/** The view that an operation of Skyvern answers, by path and method. */
export type Ok<P extends keyof paths, M extends Method> = facade.Ok<P, M, paths>;

/** The JSON body that an operation of Skyvern takes. */
export type Body<P extends keyof paths, M extends Method> = facade.Body<P, M, paths>;

/** The query that an operation of Skyvern takes. */
export type Query<P extends keyof paths, M extends Method> = facade.Query<P, M, paths>;

/** A value whose texts are a list that grows at the service. */
export type Opened<T> = T extends string ? Open<T> : T;

import type { components, operations } from "../generated/api.ts";
import type { BodyIn, HandlersOf, QueryIn } from "./server/call.ts";

/** The identifier of an operation of Browser Use's merged spec. */
export type OperationId = keyof operations;

/** A schema of the merged spec. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

/** The query parameters of an operation; those the spec has a default for are always there. */
export type QueryOf<Id extends OperationId> = QueryIn<operations[Id], Defaulted>;

type Defaulted = "pageNumber" | "pageSize" | "page" | "page_size" | "limit" | "includeUrls" | "prefix" | "shallow";

/** The JSON body an operation is called with. */
export type BodyOf<Id extends OperationId> = BodyIn<operations[Id]>;

/** What the Browser Use emulator serves. */
export type Handlers = HandlersOf<operations, Defaulted>;

import type { components, operations } from "../../generated/skyvern/api.ts";
import type { BodyIn, HandlersOf, QueryIn } from "../server/call.ts";

/** A schema of Skyvern's merged spec. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

/** The query parameters of an operation; those the spec has a default for are always there. */
export type QueryOf<Id extends keyof operations> = QueryIn<operations[Id], Defaulted>;

type Defaulted = "page" | "page_size" | "include_deleted";

/** The JSON body an operation is called with. */
export type BodyOf<Id extends keyof operations> = BodyIn<operations[Id]>;

/** What the Skyvern emulator serves. */
export type Handlers = HandlersOf<operations, Defaulted>;

import type { components, operations } from "../generated/api.ts";

/** The identifier of an operation of the merged spec. */
export type OperationId = keyof operations;

/** A schema of the merged spec. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

/** The path parameters of an operation. */
export type PathOf<Id extends OperationId> = operations[Id]["parameters"] extends { path: infer Path } ? Path : unknown;

/** The query parameters of an operation; those the spec has a default for are always there. */
export type QueryOf<Id extends OperationId> = WithDefaults<NonNullable<operations[Id]["parameters"]["query"]>>;

type WithDefaults<Query> = Query & Required<Pick<Query, keyof Query & Defaulted>>;
type Defaulted = "pageNumber" | "pageSize" | "page" | "page_size" | "limit" | "includeUrls" | "prefix" | "shallow";

/** The JSON body an operation is called with. */
export type BodyOf<Id extends OperationId> = JsonOf<NonNullable<operations[Id]["requestBody"]>>;

/** The JSON body an operation answers with when it succeeds. */
export type ResultOf<Id extends OperationId> = SuccessOf<operations[Id]["responses"]>;

type JsonOf<Holder> = [Holder] extends [never]
  ? undefined
  : Holder extends { content: { "application/json": infer Body } }
    ? Body
    : undefined;
type SuccessOf<Responses> = JsonOf<Responses[keyof Responses & (200 | 201 | 202 | 204)]>;

/** A request that was found valid. */
export interface Call<Id extends OperationId> {
  readonly path: PathOf<Id>;
  readonly query: QueryOf<Id>;
  readonly body: BodyOf<Id>;
  /** What the spec says about fields of the body that were left out. */
  readonly defaults: Partial<NonNullable<BodyOf<Id>>>;
  /** Where the request came in, for links back to the emulator. */
  readonly origin: string;
}

/** What an operation does. The status of the answer is the one the spec declares for success. */
export type Handler<Id extends OperationId> = (call: Call<Id>) => ResultOf<Id>;

/** What the emulator serves; an operation that is left out answers 501. */
export type Handlers = { readonly [Id in OperationId]?: Handler<Id> };

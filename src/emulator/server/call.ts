/** The path parameters of an operation, as `openapi-typescript` writes operations. */
export type PathIn<Operation> = Operation extends { parameters: { path: infer Path } } ? Path : unknown;

/** The query parameters of an operation; those the spec has a default for, by name, are always there. */
export type QueryIn<Operation, Defaulted extends string> = Operation extends { parameters: { query?: infer Query } }
  ? WithDefaults<NonNullable<Query>, Defaulted>
  : unknown;

/** The JSON body an operation is called with. */
export type BodyIn<Operation> = Operation extends { requestBody?: infer Body } ? JsonOf<NonNullable<Body>> : undefined;

/** The JSON body an operation answers with when it succeeds. */
export type ResultIn<Operation> = Operation extends { responses: infer Responses }
  ? JsonOf<Responses[keyof Responses & (200 | 201 | 202 | 204)]>
  : undefined;

type WithDefaults<Query, Defaulted extends string> = Query & Required<Pick<Query, keyof Query & Defaulted>>;
type JsonOf<Holder> = [Holder] extends [never]
  ? undefined
  : Holder extends { content: { "application/json": infer Body } }
    ? Body
    : undefined;

/** A request that was found valid. */
export interface CallTo<Operation, Defaulted extends string> {
  readonly path: PathIn<Operation>;
  readonly query: QueryIn<Operation, Defaulted>;
  readonly body: BodyIn<Operation>;
  /** What the spec says about fields of the body that were left out. */
  readonly defaults: Partial<NonNullable<BodyIn<Operation>>>;
  /** Where the request came in, for links back to the emulator. */
  readonly origin: string;
  /** As it came. Its body can be read when the operation takes one that is no JSON. */
  readonly request: Request;
}

/** What an operation does. The status of the answer is the one the spec declares for success. */
export type HandlerOf<Operation, Defaulted extends string> = (
  call: CallTo<Operation, Defaulted>,
) => NowOrLater<ResultIn<Operation>>;

/** A handler without an answer is never late: only of such a type does the compiler take functions that return nothing. */
type NowOrLater<Result> = [Result] extends [undefined] ? Result : Result | Promise<Result>;

/** What an emulator serves; an operation that is left out answers 501. */
export type HandlersOf<Operations, Defaulted extends string> = {
  readonly [Id in keyof Operations]?: HandlerOf<Operations[Id], Defaulted>;
};

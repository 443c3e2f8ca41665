/** Exactly the same type, `any` and `readonly` included. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles for types that are exactly the same, and does nothing. */
export function same<A, B>(..._: Equal<A, B> extends true ? [] : [never]): void {}

// Canaries: were the check blind, the lines below would compile, and their comments would be errors.
// @ts-expect-error: different types are not the same
same<string, number>();
// @ts-expect-error: unknown is not the same as what it may be
same<unknown, string>();
// @ts-expect-error: an optional field is not one that may be undefined
same<{ a?: string }, { a: string | undefined }>();
same<{ readonly a: string | null }, { readonly a: string | null }>();

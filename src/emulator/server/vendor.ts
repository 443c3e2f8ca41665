import type { Operation } from "../../generated/validators.js";
import type { Problem } from "./problem.ts";

/** What tells one vendor's cloud from another's; all else of answering a request is the {@link Server}'s. */
export interface Vendor {
  /** What its spec has. */
  readonly operations: readonly Operation[];
  /** What each operation does, by its identifier; one that is left out answers 501. */
  readonly handlers: Readonly<Record<string, unknown>>;
  /** How long every answer is held back, in milliseconds. */
  readonly latencyMs: number;
  /** The path as the spec writes it; for what can be no path of the API, one that matches nothing. */
  pathOf(url: URL): string;
  /** Does what has become due. Called before each request is carried out. */
  sweep(): void;
  /** Answers what needs no key, such as links to files; undefined for all else. `chunked` tells that the body came without a length. */
  beside(request: Request, path: string, chunked: boolean): Promise<Response> | undefined;
  /**
   * Asks for the key.
   *
   * @throws Problem when it is missing, or another.
   */
  authenticate(request: Request): void;
  /**
   * Checks a JSON body for what the vendor refuses before it validates.
   *
   * @throws Problem
   */
  precheck?(operation: Operation, body: unknown): void;
  /** The JSON body of a refusal; undefined for none. What the emulator itself did wrong comes as a 500. */
  refusalBody(problem: Problem): unknown;
}

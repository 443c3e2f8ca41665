/** One thing wrong with the input: in which file, at which place, and what to do about it. */
export interface Problem {
  readonly file: string;
  /** Where in the file, for a reader: `POST /tasks`, `components.schemas.Task`, `line 3`. Empty for the whole file. */
  readonly place: string;
  readonly message: string;
}

/** The input cannot be generated from. The message holds one line per problem, and no stack is worth showing. */
export class SpecError extends Error {
  override readonly name = "SpecError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(toLine).join("\n"));
    this.problems = problems;
  }
}

/** Throws when there are problems. */
export function failOn(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new SpecError(problems);
}

/** @throws {@link SpecError} always, for the one problem given. */
export function fail(file: string, place: string, message: string): never {
  throw new SpecError([{ file, place, message }]);
}

function toLine({ file, place, message }: Problem): string {
  const where = place === "" ? file : `${file}: ${place}`;
  return `${where}: ${message.replace(/\s*\n\s*/g, " ")}`;
}

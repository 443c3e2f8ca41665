import { fail } from "./problem.ts";

/** The largest file that is read; a description of 2,000 operations has about 2 MB. */
export const MAX_FILE_BYTES = 16_000_000;

const MAX_DEPTH = 200;
const MAX_VALUES = 5_000_000;

/** A list or mapping, and what is known of it so far. */
interface Container {
  readonly value: object;
  /** What is still to be visited in it. */
  readonly children: unknown[];
  /** How many values it stands for once every alias is written out. */
  size: number;
  /** How many levels it has below itself. */
  height: number;
}

/**
 * Refuses a value that later steps could not walk: one that contains itself, is nested without end, or becomes huge once
 * shared parts (YAML aliases) are written out.
 *
 * @throws {@link SpecError} naming the file.
 */
export function assertSane(root: object, file: string): void {
  new Walk(file).through(root);
}

/** Goes down without recursion, and measures what is shared only once. */
class Walk {
  readonly #file: string;
  readonly #trail: Container[] = [];
  readonly #open = new Set<object>();
  readonly #measured = new Map<object, Container>();

  constructor(file: string) {
    this.#file = file;
  }

  through(root: object): void {
    this.#enter(root);
    for (let here = this.#trail.at(-1); here; here = this.#trail.at(-1)) {
      const child = here.children.pop();
      if (isContainer(child)) this.#visit(child, here);
      else if (here.children.length === 0) this.#leave(here);
    }
  }

  #visit(child: object, parent: Container): void {
    const measured = this.#measured.get(child);
    if (measured) this.#grow(parent, measured);
    else if (this.#open.has(child)) fail(this.#file, "", "has a part that contains itself; write a $ref instead");
    else this.#enter(child);
  }

  #enter(value: object): void {
    const children = Object.values(value);
    const plain = children.filter((child) => !isContainer(child)).length;
    this.#open.add(value);
    this.#trail.push({ value, children, size: 1 + plain, height: 0 });
    this.#assertDepth(this.#trail.length);
  }

  #leave(done: Container): void {
    this.#trail.pop();
    this.#open.delete(done.value);
    this.#measured.set(done.value, done);
    const parent = this.#trail.at(-1);
    if (parent) this.#grow(parent, done);
  }

  #grow(parent: Container, { size, height }: Container): void {
    parent.size += size;
    parent.height = Math.max(parent.height, height + 1);
    this.#assertDepth(parent.height);
    if (parent.size > MAX_VALUES)
      fail(this.#file, "", `holds more than ${MAX_VALUES} values once its aliases are written out; use fewer of them`);
  }

  #assertDepth(levels: number): void {
    if (levels > MAX_DEPTH) fail(this.#file, "", `is nested more than ${MAX_DEPTH} levels deep; is it the right file?`);
  }
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

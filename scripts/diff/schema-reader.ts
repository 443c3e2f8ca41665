import { isNode, type Node, type OpenApiDocument } from "../spec/document.ts";
import { fail } from "../spec/problem.ts";
import { lookUp } from "../spec/references.ts";
import { CONSTRAINTS } from "./keywords.ts";
import { listIn, nodesIn } from "./loose.ts";

/** One of the ways in which a value may match: all its atoms (schemas without references and unions) hold together. */
export interface Alternative {
  readonly atoms: readonly Node[];
  /** The component it stands in, if it is one. */
  readonly name?: string;
}

/** Matches every value, as `true`, `{}` and a missing schema do. */
export const ANYTHING: Node = Object.freeze({});
/** Matches no value, as `false` does. */
export const NOTHING: Node = Object.freeze({ not: ANYTHING });

/** A product of unions beyond this is no description of anything. */
const MAX_ALTERNATIVES = 1_000;
const MAX_CHAIN = 100;
const MAX_EXPANSIONS = 1_000_000;

/** A schema as it is written: `true` and `false` become mappings, so that everything has an identity. */
export function asSchema(value: unknown): Node {
  if (value === false) return NOTHING;
  return isNode(value) ? value : ANYTHING;
}

/** Reads the schemas of one document: follows references, and resolves `allOf`, `anyOf` and `oneOf`. */
export class SchemaReader {
  readonly #document: OpenApiDocument;
  readonly #file: string;
  readonly #names: ReadonlyMap<unknown, string>;
  readonly #taken: ReadonlySet<string>;
  readonly #found = new Map<string, Node>();
  readonly #numbers = new Map<object, number>();
  readonly #conjunctions = new Map<string, Node>();
  readonly #known = new Map<Node, readonly Alternative[]>();
  readonly #open = new Set<Node>();
  #expansions = 0;
  #circles = 0;

  constructor(document: OpenApiDocument, file: string) {
    this.#document = document;
    this.#file = file;
    this.#names = new Map(nodesIn(document.components["schemas"]).map(([name, schema]) => [schema, name]));
    this.#taken = new Set(this.#names.values());
  }

  /** The same number for the same schema, in this document. */
  identify(schema: object): number {
    const number = this.#numbers.get(schema) ?? this.#numbers.size;
    this.#numbers.set(schema, number);
    return number;
  }

  /** What a reference leads to, through further references; the value itself when it is none. */
  resolve(node: Node): Node {
    let here = node;
    for (let links = 0; typeof here["$ref"] === "string"; links += 1) {
      if (links > MAX_CHAIN) this.#refuse(`has references in a circle (${here["$ref"]})`);
      here = this.#target(here["$ref"]);
    }
    return here;
  }

  /** The component that a schema is, or refers to without limiting it further. */
  nameOf(schema: Node): string | undefined {
    let here = schema;
    for (let links = 0; links < MAX_CHAIN; links += 1) {
      const next = this.#soleTarget(here);
      if (next === undefined) break;
      here = next;
    }
    return this.#names.get(here);
  }

  /** Does the document have a component of this name? */
  hasName(name: string): boolean {
    return this.#taken.has(name);
  }

  /** An annotation such as `default`: the schema's own, else that of what it refers to. */
  annotation(schema: Node, keyword: string): unknown {
    let here: Node | undefined = schema;
    for (let links = 0; here && links < MAX_CHAIN; links += 1) {
      if (Object.hasOwn(here, keyword)) return here[keyword];
      here = this.#soleTarget(here) ?? this.#soleAlternative(here);
    }
    return undefined;
  }

  /** One schema that says what several say together. */
  conjunction(schemas: readonly Node[]): Node {
    const distinct = [...new Set(schemas)];
    const [only] = distinct;
    if (only && distinct.length === 1) return only;
    const key = distinct.map((schema) => this.identify(schema)).join("&");
    const joined = this.#conjunctions.get(key) ?? { allOf: distinct };
    this.#conjunctions.set(key, joined);
    return joined;
  }

  /** The ways to match a schema: none for `false`, one without atoms for a schema that takes everything. */
  alternatives(schema: Node): readonly Alternative[] {
    return this.#expand(schema) ?? [];
  }

  /** Undefined inside a circle of references, which then adds nothing to what is already known. */
  #expand(schema: Node): readonly Alternative[] | undefined {
    const known = this.#known.get(schema);
    if (known) return known;
    if (this.#open.has(schema)) {
      this.#circles += 1;
      return undefined;
    }
    return this.#expandOnce(schema);
  }

  #expandOnce(schema: Node): readonly Alternative[] | undefined {
    this.#expansions += 1;
    if (this.#open.size > MAX_CHAIN || this.#expansions > MAX_EXPANSIONS)
      this.#refuse("has schemas that are too entangled to compare");
    const circles = this.#circles;
    this.#open.add(schema);
    const factors = this.#factors(schema);
    this.#open.delete(schema);
    const result = factors && this.#named(schema, this.#product(factors));
    // What was cut short by a circle is right only here, not for whoever asks from elsewhere.
    if (result && circles === this.#circles) this.#known.set(schema, result);
    return result;
  }

  /** The parts that must all match. Undefined for a mere reference that leads back to where we come from. */
  #factors(schema: Node): (readonly Alternative[])[] | undefined {
    if (schema === NOTHING) return [[]];
    const own = CONSTRAINTS.some((keyword) => Object.hasOwn(schema, keyword)) ? [[{ atoms: [schema] }]] : [];
    const parts = [...this.#targets(schema), ...listIn(schema["allOf"]).map(asSchema)];
    const unions = [schema["anyOf"], schema["oneOf"]].filter((union) => listIn(union).length > 0);
    const factors = [
      ...own,
      ...parts.map((part) => this.#expand(part)).filter((alternatives) => alternatives !== undefined),
      ...unions.map((union) => listIn(union).flatMap((member) => this.#expand(asSchema(member)) ?? [])),
    ];
    return factors.length === 0 && parts.length > 0 ? undefined : factors;
  }

  #product(factors: readonly (readonly Alternative[])[]): readonly Alternative[] {
    return factors.reduce<readonly Alternative[]>((left, right) => this.#times(left, right), [{ atoms: [] }]);
  }

  #times(left: readonly Alternative[], right: readonly Alternative[]): readonly Alternative[] {
    if (left.length * right.length > MAX_ALTERNATIVES)
      this.#refuse(`has unions that multiply to more than ${MAX_ALTERNATIVES} alternatives`);
    return left.flatMap((one) => right.map((other) => both(one, other)));
  }

  #named(schema: Node, alternatives: readonly Alternative[]): readonly Alternative[] {
    const name = this.#names.get(schema);
    if (name === undefined) return alternatives;
    return alternatives.map((alternative) => ({ name, ...alternative }));
  }

  /** What a schema refers to when it says nothing else about values, as `$ref` or as the only member of `allOf`. */
  #soleTarget(schema: Node): Node | undefined {
    const [target, more] = [...this.#targets(schema), ...listIn(schema["allOf"]).map(asSchema)];
    const limited = ["anyOf", "oneOf", ...CONSTRAINTS].some((keyword) => Object.hasOwn(schema, keyword));
    return limited || more !== undefined ? undefined : target;
  }

  #soleAlternative(schema: Node): Node | undefined {
    const members = [...listIn(schema["anyOf"]), ...listIn(schema["oneOf"])].map(asSchema);
    const [only, more] = members.filter(({ type }) => type !== "null");
    return more === undefined ? only : undefined;
  }

  #targets(schema: Node): Node[] {
    const { $ref } = schema;
    return typeof $ref === "string" ? [this.#target($ref)] : [];
  }

  #target($ref: string): Node {
    const target = this.#found.get($ref) ?? asSchema(lookUp(this.#document, $ref));
    this.#found.set($ref, target);
    return target;
  }

  #refuse(message: string): never {
    return fail(this.#file, "", message);
  }
}

function both(one: Alternative, other: Alternative): Alternative {
  if (one.atoms.length === 0) return other;
  if (other.atoms.length === 0) return one;
  return { atoms: [...new Set([...one.atoms, ...other.atoms])] };
}

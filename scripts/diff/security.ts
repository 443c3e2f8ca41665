import type { Node, OpenApiDocument } from "../spec/document.ts";
import type { Change } from "./change.ts";
import { entriesIn, nodesIn, textsIn } from "./loose.ts";
import type { SchemaReader } from "./schema-reader.ts";

/** One sufficient set of credentials: schemes, each with the scopes it must have. Empty where none are needed. */
type Credentials = ReadonlyMap<string, ReadonlySet<string>>;

/** The schemes of a document, by what they are: what they are called there means nothing to a caller. */
export class Security {
  readonly #schemes: ReadonlyMap<string, string>;

  constructor(document: OpenApiDocument, reader: SchemaReader) {
    const schemes = nodesIn(document.components.securitySchemes);
    this.#schemes = new Map(schemes.map(([name, scheme]) => [name, describe(reader.resolve(scheme))]));
  }

  /** The ways to be let in. */
  read(requirements: readonly Node[]): readonly Credentials[] {
    const ways = requirements.map((requirement) => this.#credentials(requirement));
    return ways.length === 0 ? [new Map()] : ways;
  }

  #credentials(requirement: Node): Credentials {
    const schemes = entriesIn(requirement).map(
      ([name, scopes]) => [this.#schemes.get(name) ?? name, new Set(textsIn(scopes))] as const,
    );
    return new Map(schemes);
  }
}

/** What was enough and is not, and what was not enough and is. */
export function securityChanges(before: readonly Credentials[], after: readonly Credentials[]): Change[] {
  const lost = before.filter((way) => !after.some((other) => suffices(way, other)));
  const won = after.filter((way) => !before.some((other) => suffices(way, other)));
  const change = { place: "security", before: before.map(inWords), after: after.map(inWords) };
  return [
    ...lost.map((way): Change => ({ ...change, kind: "security-tightened", before: inWords(way) })),
    ...won.map((way): Change => ({ ...change, kind: "security-loosened", after: inWords(way) })),
  ];
}

/** Is who has these credentials let in where those are asked for? */
function suffices(has: Credentials, asked: Credentials): boolean {
  return [...asked].every(([scheme, scopes]) => {
    const own = has.get(scheme);
    return own !== undefined && [...scopes].every((scope) => own.has(scope));
  });
}

function describe(scheme: Node): string {
  const { type, in: place, name, scheme: method, openIdConnectUrl } = scheme;
  if (type === "apiKey") return `the key in ${place} ${place === "header" ? String(name).toLowerCase() : name}`;
  if (type === "http") return `HTTP ${method} authentication`;
  const flows = nodesIn(scheme["flows"]).flatMap(([flow, { tokenUrl, authorizationUrl }]) => [
    flow,
    tokenUrl,
    authorizationUrl,
  ]);
  return [type, openIdConnectUrl, ...flows].filter((part) => typeof part === "string").join(" ");
}

function inWords(credentials: Credentials): string {
  if (credentials.size === 0) return "nothing";
  const words = [...credentials].map(([scheme, scopes]) =>
    scopes.size === 0 ? scheme : `${scheme} with ${[...scopes].sort().join(", ")}`,
  );
  return words.sort().join(" and ");
}

import { isNode, type OpenApiDocument, type Schema, schemasOf } from "../spec/document.ts";
import { referenceCounts, SCHEMAS } from "./references.ts";
import { nodesOf } from "./visit.ts";

/**
 * Puts types that a page generator has named after the place where they were written back into that place, when nothing
 * else uses them. One pass, since a type that was put back may hold another; gives how many it put back.
 */
export function putBack(document: OpenApiDocument): number {
  const schemas = schemasOf(document);
  const counts = referenceCounts(document);
  let found = 0;
  for (const { holder, key, name } of hoistedPlaces(document)) {
    const schema = schemas[name];
    if (schema === undefined || counts.get(`${SCHEMAS}${name}`) !== 1) continue;
    const { $ref: _, ...siblings } = holder[key] as Schema; // it is the reference that was just found
    holder[key] = { ...schema, ...siblings };
    delete schemas[name];
    found += 1;
  }
  return found;
}

interface HoistedPlace {
  readonly holder: Record<string, unknown>;
  readonly key: string;
  readonly name: string;
}

function hoistedPlaces(document: OpenApiDocument): HoistedPlace[] {
  const properties = Object.entries(schemasOf(document)).flatMap(([parent, { properties: own }]) =>
    Object.keys(isNode(own) ? own : {}).map((key) => ({ holder: own ?? {}, key, name: `${parent}${pascal(key)}` })),
  );
  const answers = nodesOf(document, "media").flatMap(({ node }) => {
    const name = nameOf(node["schema"]);
    return name !== undefined && /_Response_\d{3}$/.test(name) ? [{ holder: node, key: "schema", name }] : [];
  });
  return [...properties, ...answers].filter(({ holder, key, name }) => nameOf(holder[key]) === name);
}

function nameOf(value: unknown): string | undefined {
  const reference = isNode(value) ? value["$ref"] : undefined;
  return typeof reference === "string" && reference.startsWith(SCHEMAS) ? reference.slice(SCHEMAS.length) : undefined;
}

function pascal(name: string): string {
  return name
    .split(/[_\-\s]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
}

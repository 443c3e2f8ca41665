import { isNode, type Node } from "../../spec/document.ts";
import { nodesOf } from "../visit.ts";
import type { Repair } from "./repair.ts";

/** `additionalProperties: { description: Any type }` → `additionalProperties: true`. */
export const anyType: Repair = {
  name: "any-type",
  description: "additionalProperties that are a text instead of true",
  repair: (document) => {
    const open = nodesOf(document, "schema").filter(({ node }) => saysNothing(node["additionalProperties"]));
    for (const { node } of open) node["additionalProperties"] = true;
    return { found: open.length };
  },
};

function saysNothing(value: unknown): boolean {
  return isNode(value) && Object.keys(value).every((key: keyof Node) => key === "description" || key === "title");
}

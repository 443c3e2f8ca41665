import { exec } from "jsonpath-rfc9535";
import { isNode, type Node } from "./document.ts";
import { fail } from "./problem.ts";

/** One change of an overlay: either merges `update` into every match of `target`, or removes the matches. */
export interface OverlayAction {
  readonly target: string;
  readonly update?: unknown;
  readonly remove?: boolean;
}

interface Match {
  readonly value: unknown;
  readonly path: readonly (string | number)[];
}

const ACTION_KEYS = ["target", "description", "update", "remove"];

/**
 * Checks a parsed overlay file and gives its actions. Unknown keys are refused: a misspelt `update` would do nothing.
 *
 * @throws {@link SpecError} naming the file and the action.
 */
export function overlayActions(overlay: Node, file: string): OverlayAction[] {
  if (!/^1\.0\.\d+$/.test(String(overlay["overlay"])))
    fail(file, "", 'is no overlay; it must begin with "overlay: 1.0.0"');
  const actions = overlay["actions"];
  if (!Array.isArray(actions)) fail(file, "actions", "is no list; write one entry per change");
  return actions.map((action, index) => asAction(action, `actions[${index}]`, file));
}

/**
 * Applies the actions in order to a copy of the document. As the standard says, mappings are merged key by key, lists
 * are appended to, and everything else is replaced.
 *
 * @throws {@link SpecError} when a target matches nothing any more, so that our additions never vanish in silence; and
 * when a property is described that does not exist.
 */
export function applyOverlay(document: Node, actions: readonly OverlayAction[], file: string): Node {
  const result = copy(document);
  for (const action of actions) applyAction(result, action, file);
  return result;
}

function asAction(action: unknown, place: string, file: string): OverlayAction {
  if (!isNode(action) || typeof action["target"] !== "string") fail(file, place, "has no target; give a JSONPath");
  const named = `${place} ${action["target"]}`;
  const unknown = Object.keys(action).find((key) => !ACTION_KEYS.includes(key) && !key.startsWith("x-"));
  if (unknown !== undefined) fail(file, named, `has an unknown key "${unknown}"; use update or remove`);
  if ("update" in action === (action["remove"] === true)) fail(file, named, "needs either update or remove: true");
  return action as unknown as OverlayAction;
}

function applyAction(document: Node, action: OverlayAction, file: string): void {
  const matches = matchesOf(document, action.target, file);
  if (matches.length === 0) fail(file, action.target, "matches nothing; correct the target or delete the action");
  if (action.remove) removeAll(document, matches);
  else for (const match of matches) update(match.value, action, file);
}

function matchesOf(document: Node, target: string, file: string): Match[] {
  const matches: Match[] = [];
  try {
    // The document was parsed from YAML and copied as JSON, so it is a JSON value.
    exec(document as Parameters<typeof exec>[0], target, (value, path) =>
      matches.push({ value, path: path.map(plainKey) }),
    );
  } catch (error) {
    fail(file, target, `is no JSONPath (${error instanceof Error ? error.message : error}); correct it`);
  }
  return matches;
}

function update(value: unknown, action: OverlayAction, file: string): void {
  if (Array.isArray(value)) value.push(copy(action.update));
  else if (isNode(value) && isNode(action.update)) mergeInto(value, copy(action.update), action.target, file);
  else fail(file, action.target, "is updated with something else than it is; a mapping takes a mapping");
}

function mergeInto(target: Node, source: Node, place: string, file: string): void {
  for (const [key, value] of Object.entries(source)) {
    const old = target[key];
    if (old === undefined && describesMissing(place, value))
      fail(file, `${place}.${key}`, "is described, but is not there; correct the name or delete the description");
    if (isNode(old) && isNode(value)) mergeInto(old, value, `${place}.${key}`, file);
    else if (Array.isArray(old) && Array.isArray(value)) old.push(...value);
    else if (old === undefined || sameKind(old, value)) target[key] = value;
    else fail(file, `${place}.${key}`, "changes what kind of value it is; remove it first, then update");
  }
}

/** True when a property would come into being by a description alone, which says nothing of its type. */
function describesMissing(place: string, value: unknown): boolean {
  return place.endsWith(".properties") && isNode(value) && Object.keys(value).join() === "description";
}

function removeAll(document: Node, matches: readonly Match[]): void {
  // From the last to the first: removing from a list moves what comes after.
  for (const { path } of matches.toReversed()) {
    const parent = path.slice(0, -1).reduce<unknown>((node, key) => (node as Node)[key], document);
    const key = path.at(-1);
    if (Array.isArray(parent)) parent.splice(Number(key), 1);
    else if (isNode(parent) && key !== undefined) delete parent[key];
  }
}

function sameKind(a: unknown, b: unknown): boolean {
  return typeof a !== "object" && typeof b !== "object";
}

/** The library gives keys as they are quoted in a normalized path. */
function plainKey(key: string | number): string | number {
  return typeof key === "string" ? key.replace(/\\(['\\])/g, "$1") : key;
}

function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

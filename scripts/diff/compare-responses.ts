import type { Node } from "../spec/document.ts";
import type { Change, Flow } from "./change.ts";
import { compareContent } from "./compare-content.ts";
import { valueSchema } from "./compare-parameters.ts";
import { deprecationChanges } from "./compare-schema.ts";
import { nodesIn } from "./loose.ts";
import type { ReadOperation } from "./operations.ts";
import type { Side } from "./side.ts";
import { type Compared, type Sides, schemaStep } from "./steps.ts";

const flow: Flow = { role: "response", sense: 1 };

/** The answers of an operation: by status, and which statuses mean success. */
interface Answers {
  readonly all: ReadonlyMap<string, Node>;
  readonly successes: readonly string[];
}

/** Compares what an operation answers. A single success status that changed is compared across. */
export function compareResponses(sides: Sides, old: ReadOperation, fresh: ReadOperation): Compared {
  const before = answersOf(sides.old, old);
  const after = answersOf(sides.new, fresh);
  const moved = movedSuccess(before, after);
  const common = [...before.all.keys()].filter((status) => after.all.has(status)).map((status) => [status, status]);
  const parts = [...common, ...(moved ? [moved] : [])].map(([from = "", to = ""]) =>
    compareAnswer(sides, before.all.get(from) ?? {}, after.all.get(to) ?? {}, to),
  );
  return {
    changes: [...statusChanges(before, after, moved), ...parts.flatMap(({ changes }) => changes)],
    next: parts.flatMap(({ next }) => next),
  };
}

function answersOf({ reader }: Side, { operation }: ReadOperation): Answers {
  const all = new Map(
    nodesIn(operation.responses).map(([status, answer]) => [status.toUpperCase(), reader.resolve(answer)] as const),
  );
  const successes = [...all.keys()].filter((status) => /^[123]/.test(status));
  // Alone, "default" is how success is answered; beside a success it stands for errors.
  return { all, successes: successes.length > 0 ? successes : [...all.keys()].filter((key) => key === "DEFAULT") };
}

function movedSuccess(before: Answers, after: Answers): [string, string] | undefined {
  const [from, ...lost] = before.successes.filter((status) => !after.all.has(status));
  const [to, ...won] = after.successes.filter((status) => !before.all.has(status));
  return from === undefined || to === undefined || lost.length + won.length > 0 ? undefined : [from, to];
}

function statusChanges(before: Answers, after: Answers, moved: [string, string] | undefined): Change[] {
  const [from, to] = moved ?? [];
  const lost = [...before.all.keys()].filter((status) => !after.all.has(status) && status !== from);
  const won = [...after.all.keys()].filter((status) => !before.all.has(status) && status !== to);
  const change = { place: "", flow };
  return [
    ...(moved ? [{ ...change, kind: "success-status-changed" as const, before: from, after: to }] : []),
    ...lost.map((status): Change => ({ ...change, kind: `${outcome(before, status)}-status-removed`, before: status })),
    ...won.map((status): Change => ({ ...change, kind: `${outcome(after, status)}-status-added`, after: status })),
  ];
}

function outcome({ successes }: Answers, status: string): "success" | "error" {
  return successes.includes(status) ? "success" : "error";
}

function compareAnswer(sides: Sides, old: Node, fresh: Node, status: string): Compared {
  const content = compareContent(old, fresh, flow, `${status} body`);
  const headers = compareHeaders(headersOf(sides.old, old), headersOf(sides.new, fresh), status);
  return { changes: [...content.changes, ...headers.changes], next: [...content.next, ...headers.next] };
}

function headersOf({ reader }: Side, { headers }: Node): ReadonlyMap<string, Node> {
  return new Map(nodesIn(headers).map(([name, header]) => [name.toLowerCase(), reader.resolve(header)]));
}

function compareHeaders(before: ReadonlyMap<string, Node>, after: ReadonlyMap<string, Node>, status: string): Compared {
  const place = (name: string) => `${status} header ${name}`;
  const common = [...before].flatMap(([name, old]) => {
    const fresh = after.get(name);
    return fresh ? [{ name, old, fresh }] : [];
  });
  return {
    changes: [
      ...[...before]
        .filter(([name]) => !after.has(name))
        .map(([name, old]): Change => ({ kind: "header-removed", place: place(name), flow, before: presence(old) })),
      ...[...after]
        .filter(([name]) => !before.has(name))
        .map(([name, fresh]): Change => ({ kind: "header-added", place: place(name), flow, after: presence(fresh) })),
      ...common.flatMap(({ name, old, fresh }) => headerChanges(old, fresh, place(name))),
    ],
    next: common.map(({ name, old, fresh }) => schemaStep(valueSchema(old), valueSchema(fresh), flow, place(name))),
  };
}

function headerChanges(old: Node, fresh: Node, place: string): Change[] {
  const required = presence(fresh) === "required" ? "header-required" : "header-optional";
  return [
    ...(presence(old) === presence(fresh) ? [] : [{ kind: required, place, flow } as const]),
    ...deprecationChanges(old["deprecated"], fresh["deprecated"]).map((detail) => ({ ...detail, place, flow })),
  ];
}

function presence({ required }: Node): string {
  return required === true ? "required" : "optional";
}

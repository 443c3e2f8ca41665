import { styleText } from "node:util";
import type { SlotState } from "browser-use-client/pool";

/** What the table shows. */
export interface Picture {
  readonly title: string;
  readonly elapsedMs: number;
  readonly answered: number;
  readonly tickets: number;
  /** One for each session the project may have; undefined: free. */
  readonly slots: readonly (SlotRow | undefined)[];
  readonly waiting: readonly { readonly id: number; readonly customer: string; readonly forMs: number }[];
  readonly workers: readonly WorkerCell[];
  readonly customers: readonly CustomerCell[];
  /** Newest last. */
  readonly events: readonly string[];
}

/** A slot of the pool. */
export interface SlotRow {
  readonly state: SlotState;
  readonly customer: string;
  readonly worker: string;
  readonly isOrphan: boolean;
  readonly ticket: number | undefined;
  readonly forMs: number;
  readonly dueInMs: number;
}

interface WorkerCell {
  readonly name: string;
  readonly answered: number;
  readonly phase: "starting" | "there" | "gone";
}

interface CustomerCell {
  readonly name: string;
  readonly saved: number;
  readonly answered: number;
  readonly tickets: number;
}

type Style = Parameters<typeof styleText>[0];

const STATES: Readonly<Record<SlotState, { readonly mark: string; readonly style: Style; readonly due: string }>> = {
  creating: { mark: "◐", style: "yellow", due: "to open" },
  leased: { mark: "●", style: "green", due: "of its lease" },
  idle: { mark: "○", style: "cyan", due: "kept warm" },
  stopping: { mark: "◌", style: "magenta", due: "to stop" },
  unknown: { mark: "?", style: "red", due: "held" },
};
const EVENT_LINES = 4;

/** The whole table, while it works. */
export function tableOf(picture: Picture, width: number): string[] {
  return [
    ...headOf(picture, width),
    dim("   session    customer   worker   ticket     for   left"),
    ...picture.slots.map(slotLine),
    "",
    waitingLine(picture),
    workersLine(picture),
    "",
    ...customerLines(picture, width),
    "",
    ...picture.events.slice(-EVENT_LINES).map((event) => ` ${dim("›")} ${event}`),
  ];
}

/** What is left of it at the end. */
export function lastTableOf(picture: Picture, width: number): string[] {
  return [...headOf(picture, width), workersLine(picture), "", ...customerLines(picture, width), ""];
}

/** One line of it, for where nothing is drawn. */
export function progressOf({ elapsedMs, answered, tickets, slots, waiting, customers }: Picture): string {
  const states = slots.flatMap((row) => (row ? [row.state] : []));
  const counts = [...new Set(states)].map((state) => `${states.filter((other) => other === state).length} ${state}`);
  const saved = customers.reduce((sum, customer) => sum + customer.saved, 0);
  const time = seconds(elapsedMs).padStart(7);
  return `${time}  ${answered} of ${tickets} answered, ${saved} saved; sessions: ${counts.join(", ")}; ${waiting.length} waiting`;
}

function headOf({ title, elapsedMs, answered, tickets }: Picture, width: number): string[] {
  const time = seconds(elapsedMs);
  const count = `${answered} of ${tickets} tickets answered`;
  return [
    ` ${styleText("bold", title)}${" ".repeat(Math.max(1, width - title.length - time.length - 2))}${dim(time)}`,
    "",
    ` ${bar(answered, tickets, Math.min(44, width - count.length - 4))}  ${count}`,
    "",
  ];
}

function slotLine(row: SlotRow | undefined): string {
  if (!row) return dim(" · free");
  const { mark, style, due } = STATES[row.state];
  const state = styleText(style, `${mark} ${row.state.padEnd(11)}`);
  const worker = row.isOrphan ? styleText("red", `${row.worker} ✗`.padEnd(8)) : row.worker.padEnd(8);
  const ticket = (row.ticket === undefined ? "" : `#${row.ticket}`).padEnd(8);
  const left = row.dueInMs < 0 ? "overdue" : `${seconds(row.dueInMs)} ${due}`;
  const times = `${seconds(row.forMs).padStart(6)}   ${left}`;
  return ` ${state}${row.customer.padEnd(11)}${worker} ${ticket}${row.isOrphan ? styleText("red", times) : times}`;
}

function waitingLine({ waiting }: Picture): string {
  const label = ` waiting   ${`${waiting.length}`.padEnd(6)}`;
  const first = waiting.slice(0, 3).map(({ id, customer, forMs }) => `#${id} ${customer} ${dim(seconds(forMs))}`);
  return label + first.join(dim(" · ")) + (waiting.length > 3 ? dim(" …") : "");
}

function workersLine({ workers }: Picture): string {
  const cells = workers.map(({ name, answered, phase }) => {
    if (phase === "gone") return styleText("red", `${name} ✗ ${answered}`);
    return phase === "starting" ? dim(`${name} starts`) : `${name} ${styleText("green", "✓")} ${answered}`;
  });
  return ` answered  ${cells.join("    ")}`;
}

/** Two customers on a line. */
function customerLines({ customers }: Picture, width: number): string[] {
  const legend = `${styleText("green", "■")} saved in the profile  ${styleText("yellow", "■")} answered  ${dim("□")} open`;
  const half = Math.ceil(customers.length / 2);
  const column = Math.min(44, Math.floor((width - 2) / 2));
  return [
    ` ${dim("profiles")}  ${legend}`,
    ...customers.slice(0, half).map((left, index) => {
      const right = customers[half + index];
      const gap = " ".repeat(Math.max(2, column - plainLength(left)));
      return ` ${customerCell(left)}${right ? gap + customerCell(right) : ""}`;
    }),
  ];
}

function customerCell({ name, saved, answered, tickets }: CustomerCell): string {
  const unsaved = Math.max(0, answered - saved);
  const open = Math.max(0, tickets - saved - unsaved);
  const boxes =
    styleText("green", "■".repeat(saved)) + styleText("yellow", "■".repeat(unsaved)) + dim("□".repeat(open));
  return `${name.padEnd(10)}${boxes} ${saved}/${tickets}`;
}

function plainLength({ saved, answered, tickets }: CustomerCell): number {
  return 10 + Math.max(saved, answered, tickets) + 1 + `${saved}/${tickets}`.length;
}

function bar(done: number, all: number, width: number): string {
  const full = Math.round((done / all) * width);
  return styleText("green", "━".repeat(full)) + dim("─".repeat(width - full));
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function dim(text: string): string {
  return styleText("dim", text);
}

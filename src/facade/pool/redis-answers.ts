import { LeaseStoreError } from "../errors.ts";
import type { Claim, Grant, LeaseCounts, SlotState, SlotView, Stray, WaitReason } from "./lease-store.ts";

/** A list as a script gave it. */
export function listOf(answer: unknown): readonly unknown[] {
  if (Array.isArray(answer)) return answer;
  throw new LeaseStoreError("Redis gave an answer that is none of this package's scripts'. Is something between them?");
}

/** A list of texts. */
export function textsOf(answer: unknown): readonly string[] {
  return listOf(answer).map(String);
}

function optional(text: string): string | undefined {
  return text === "" ? undefined : text;
}

/** Reads the answer of `acquire`. */
export function grantOf(answer: unknown): Grant {
  const [kindText, ticketText, ...rest] = listOf(answer);
  // A client may be set up to give buffers for texts, or texts for numbers.
  const [kind, ticket] = [String(kindText), Number(ticketText)];
  const [first = "", second = "", third = "", fourth = "", fifth = ""] = rest.map(String);
  switch (kind) {
    case "reuse":
      return {
        kind,
        ticket,
        slot: first,
        sessionId: second,
        fence: Number(third),
        uses: Number(fourth),
        idleLeftMs: Number(fifth),
      };
    case "create":
      return { kind, ticket, slot: first, fence: Number(second), mark: third, restarted: fourth === "1" };
    case "evict":
      return { kind, ticket, claim: claimOf(rest[0]) };
    case "wait":
      // The script has no other reasons.
      return { kind, ticket, reason: first as WaitReason, waiting: Number(second) };
    case "full":
      return { kind, ticket, waiting: Number(first) };
    default:
      return { kind: "unready" };
  }
}

/** Reads a claim. */
export function claimOf(answer: unknown): Claim {
  const [slot = "", sessionId = "", profileId = "", why] = textsOf(answer);
  // The scripts have no other reasons.
  return { slot, sessionId, profileId: optional(profileId), why: why as Claim["why"] };
}

/** Reads the answer of `counts`. */
export function countsOf(answer: unknown): LeaseCounts {
  const texts = textsOf(answer);
  const [creating = 0, leased = 0, idle = 0, stopping = 0, unknown = 0, waiting = 0, strays = 0] = texts.map(Number);
  const shrunk = optional(texts[7] ?? "");
  return {
    creating,
    leased,
    idle,
    stopping,
    unknown,
    waiting,
    strays,
    ...(shrunk !== undefined && { shrunkTo: Number(shrunk) }),
  };
}

/** Reads the answer of `slots`. */
export function viewsOf(answer: unknown): SlotView[] {
  const [now, views] = listOf(answer);
  return listOf(views).map((view) => viewOf(view, Number(now)));
}

function viewOf(answer: unknown, now: number): SlotView {
  const texts = listOf(answer).map((text) => (text === null ? "" : String(text)));
  const [slot = "", state, kind = "", sessionId = "", profileId = "", holder = "", ...numbers] = texts;
  const [fence = 0, uses = 0, due = 0] = numbers.map(Number);
  return {
    slot,
    // The scripts have no other states.
    state: state as SlotState,
    kind,
    sessionId: optional(sessionId),
    profileId: optional(profileId),
    holder,
    fence,
    uses,
    dueInMs: due - now,
  };
}

/** Reads one stray of the answer of `reconcile`. */
export function strayOf(answer: unknown): Stray {
  const [id = "", slot = ""] = textsOf(answer);
  return { id, slot: optional(slot) };
}

import type { scripts as ownScripts } from "../../src/facade/pool/redis-scripts.ts";

type Scripts = typeof ownScripts;
type Patches = readonly (readonly [from: string, to: string])[];

/** A mistake that a plausible store makes. */
export interface Mutant {
  /** What the store does wrongly. */
  readonly title: string;
  readonly patches: Partial<Readonly<Record<keyof Scripts | "prelude", Patches>>>;
}

const COUNT = `redis.call("ZADD", key("slots"), int(slot.fence), slot.id)`;
const EXPIRE = `for _, lock in ipairs(locksOf(slot)) do redis.call("PEXPIRE", lock, int(due - now)) end`;
const CLAIM = "claims[#claims + 1] = claim(slot, args.stopMs, WHY[slot.state])";
const UNKNOWN = `move(slot, "unknown", now + slot.holdMs)`;

export const mutants = {
  countsLate: {
    title: "counts a session only after it was created",
    patches: {
      acquire: [[`  ${COUNT}\n`, ""]],
      attach: [["strayGone(slot.kind, args.sid)\n", `strayGone(slot.kind, args.sid)\n${COUNT}\n`]],
    },
  },
  freesEarly: {
    title: "frees a slot when the stop is asked for",
    patches: {
      prelude: [[`move(slot, "stopping", now + ms)\n`, `move(slot, "stopping", now + ms)\n  remove(slot)\n`]],
    },
  },
  lockExpires: {
    title: "lets the lock of a profile expire unless it is renewed with the lease",
    patches: {
      prelude: [
        [
          "if lease then slot.holder = lease.holder end",
          `if lease then\n    slot.holder = lease.holder\n    ${EXPIRE}\n  end`,
        ],
        ["local function prolong(slot, due)\n", `local function prolong(slot, due)\n  ${EXPIRE}\n`],
      ],
    },
  },
  unknownIsNothing: {
    title: "takes a create of unknown outcome for one that was refused",
    patches: {
      createFailed: [[UNKNOWN, "remove(slot)"]],
      reap: [[UNKNOWN, "remove(slot)"]],
    },
  },
  lendsExpired: {
    title: "lends the session of a lease that is over again",
    patches: {
      reap: [
        [
          CLAIM,
          `if slot.state == "leased" and slot.shape then move(slot, "idle", math.min(now + 5000, slot.endsAt)) else ${CLAIM} end`,
        ],
      ],
    },
  },
} as const satisfies Record<string, Mutant>;

export type MutantName = keyof typeof mutants;

/** The scripts with a mistake in them. @throws when its place is not there any more, or not unique: then nothing would be tested. */
export function plant(scripts: Scripts, name: MutantName): Scripts {
  const { title, patches }: Mutant = mutants[name];
  const entries = Object.entries(scripts).map(([script, text]) => {
    const own = patches[script as keyof Scripts] ?? [];
    // The prelude is in all but the one that needs no project.
    const shared = script === "unlock" ? [] : (patches.prelude ?? []);
    return [script, [...own, ...shared].reduce((patched, patch) => replaced(patched, patch, title), text)];
  });
  return Object.fromEntries(entries) as Scripts;
}

function replaced(text: string, [from, to]: readonly [string, string], title: string): string {
  const parts = text.split(from);
  if (parts.length === 2) return parts.join(to);
  throw new Error(`The store that ${title} finds its place ${parts.length - 1} times: ${from}`);
}

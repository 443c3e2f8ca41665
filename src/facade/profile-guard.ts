import { InvalidInputError, ProfileInUseError } from "./errors.ts";
import { LONGEST_LIFE_MS } from "./live.ts";

/** Whether a second session of this client may have a profile that one already has. */
export type ProfileAccess = "exclusive" | "shared";

/** The right to write one profile. */
export interface ProfileHold {
  /** Gives the profile back. Later calls do nothing. */
  release(): void;
  /** Keeps the profile for as long as a session that may exist can live, in milliseconds. */
  expire(livesMs: number): void;
}

const NO_HOLD: ProfileHold = { release: () => {}, expire: () => {} };

interface Holder {
  untilMs: number;
  readonly isPooled: boolean;
}

/** One writer per profile, among the sessions that one client has opened. */
export class ProfileGuard {
  readonly #holders = new Map<string, Set<Holder>>();
  readonly #longestLifeMs: number;

  constructor(longestLifeMs: number = LONGEST_LIFE_MS) {
    this.#longestLifeMs = longestLifeMs;
  }

  /** Whether a live session of this client has the profile. */
  isHeld(profileId: string): boolean {
    return this.#live(profileId.toLowerCase()).length > 0;
  }

  /**
   * Takes the profile, if there is one to take.
   *
   * @throws {@link ProfileInUseError} when a live session of this client has it.
   */
  hold(profileId: string | null | undefined, access: ProfileAccess = "exclusive"): ProfileHold {
    if (access !== "exclusive" && access !== "shared") {
      throw new InvalidInputError('profileAccess must be "exclusive" or "shared".');
    }
    if (profileId == null || access === "shared") return NO_HOLD;
    if (this.isHeld(profileId)) throw new ProfileInUseError(profileId, "another session of this client");
    return this.#add(profileId, false);
  }

  /**
   * Takes the profile for a pool, whose store knows best when its own last session has let go of it.
   *
   * @throws {@link ProfileInUseError} when a live session outside the pool has it.
   */
  holdForPool(profileId: string | undefined): ProfileHold {
    if (profileId === undefined) return NO_HOLD;
    if (this.#live(profileId.toLowerCase()).every(({ isPooled }) => isPooled)) return this.#add(profileId, true);
    throw new ProfileInUseError(profileId, "a session of this client that is not the pool's");
  }

  #add(profileId: string, isPooled: boolean): ProfileHold {
    const id = profileId.toLowerCase();
    // No session outlives this, not even one whose stop was never confirmed.
    const holder = { untilMs: performance.now() + this.#longestLifeMs, isPooled };
    this.#holders.set(id, new Set([...this.#live(id), holder]));
    return {
      release: () => {
        const holders = this.#holders.get(id);
        holders?.delete(holder);
        if (holders?.size === 0) this.#holders.delete(id);
      },
      expire: (livesMs) => {
        holder.untilMs = performance.now() + livesMs;
      },
    };
  }

  #live(id: string): Holder[] {
    return [...(this.#holders.get(id) ?? [])].filter(({ untilMs }) => untilMs > performance.now());
  }
}

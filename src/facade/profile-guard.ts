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

/** One writer per profile, among the sessions that one client has opened. */
export class ProfileGuard {
  readonly #holders = new Map<string, { untilMs: number }>();

  /** Whether a live session of this client has the profile. */
  isHeld(profileId: string): boolean {
    return (this.#holders.get(profileId.toLowerCase())?.untilMs ?? 0) > performance.now();
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
    const id = profileId.toLowerCase();
    if (this.isHeld(id)) {
      throw new ProfileInUseError(profileId, "another session of this client");
    }
    // No session outlives this, not even one whose stop was never confirmed.
    const holder = { untilMs: performance.now() + LONGEST_LIFE_MS };
    this.#holders.set(id, holder);
    return {
      release: () => {
        if (this.#holders.get(id) === holder) this.#holders.delete(id);
      },
      expire: (livesMs) => {
        holder.untilMs = performance.now() + livesMs;
      },
    };
  }
}

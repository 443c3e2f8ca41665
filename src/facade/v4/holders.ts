import { isSameId } from "../call/answers.ts";
import type { CallOptions } from "../types.ts";
import type { OwnRun } from "./own-run.ts";

/** The runs of one client that have a profile, until their browsers surely write it no more. */
export class Holders {
  readonly #byProfile = new Map<string, OwnRun>();

  add(profileId: string, own: OwnRun): void {
    this.#byProfile.set(profileId.toLowerCase(), own);
  }

  /** The one whose session this is. */
  of(sessionId: string): OwnRun | undefined {
    return [...this.#byProfile.values()].find(({ id }) => isSameId(id, sessionId));
  }

  /** A run and its browser may have ended without this client's knowing: that is asked once before its profile is refused. */
  async lookAt(profileId: string, options: CallOptions): Promise<void> {
    for (const [id, { hasLetGo }] of this.#byProfile) if (hasLetGo) this.#byProfile.delete(id);
    const holder = this.#byProfile.get(profileId.toLowerCase());
    await holder?.letGoIfOver(options).catch(() => {});
  }
}

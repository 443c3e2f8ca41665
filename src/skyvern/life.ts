const DEFAULT_LIFE_MINUTES = 60;

/** No session lives longer: a day. */
export const LONGEST_LIFE_MS: number = 24 * 60 * 60_000;

/** How long a session lives at most that is opened with this timeout, in minutes; its activity may prolong that. */
export function lifeMs({ timeout }: { readonly timeout?: number | null | undefined }): number {
  return (timeout ?? DEFAULT_LIFE_MINUTES) * 60_000;
}

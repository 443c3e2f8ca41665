/** What a task says about who sent it, as its text has it. */
export interface Origin {
  readonly fence: number;
  readonly worker: string;
  readonly lease: string;
  readonly mark: string;
  /** Sent on purpose by a holder that knows that its lease is over. */
  readonly zombie: boolean;
}

/** The text of a task that says who sent it. */
export function textOf({ fence, worker, lease, mark, zombie }: Origin): string {
  return `fence=${fence} worker=${worker} lease=${lease} mark=${mark}${zombie ? " zombie=1" : ""}`;
}

/** Undefined for a text that does not say. */
export function originOf(text: string): Origin | undefined {
  const [, fence, worker = "", lease = "", mark = "", zombie] =
    /^fence=(\d+) worker=(\S+) lease=(\S+) mark=(\S+)( zombie=1)?$/.exec(text) ?? [];
  if (fence === undefined) return undefined;
  return { fence: Number(fence), worker, lease, mark, zombie: zombie !== undefined };
}

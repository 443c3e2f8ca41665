import { Problem } from "../server/problem.ts";

/** What v4 says in each case. The vendor declares these answers without a text, so the words are ours. */
export const problemsV4 = {
  runNotFound: (): Problem => new Problem(404, "Run not found"),
  queuedMessageNotFound: (): Problem => new Problem(404, "Message not found"),
  badCursor: (): Problem => new Problem(400, "Malformed pagination cursor"),
  badFileName: (fault: string): Problem => new Problem(400, `Invalid file name: ${fault}`),
  otherWorkspace: (): Problem => new Problem(400, "The session has another workspace"),
  otherProfile: (): Problem => new Problem(400, "The session has another profile"),
  busy: (): Problem => new Problem(409, "The session already has an active run"),
  notPending: (): Problem => new Problem(409, "The message is no longer pending"),
  queueFull: (): Problem => new Problem(429, "The message queue of the session is full"),
  zeroDataRetention: (): Problem => new Problem(403, "v4 is not available to projects with zero data retention"),
} as const;

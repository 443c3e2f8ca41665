import { projectAccount } from "./account.ts";
import type { Api } from "./call/api.ts";
import { failureOf } from "./call/outcome.ts";
import { Deadline, sleep } from "./call/wait.ts";
import type { Context } from "./context.ts";
import { InvalidInputError } from "./errors.ts";
import { isGone, type Live, type Owner } from "./live.ts";
import type { Phase, Seen, SessionPlan, SessionPort } from "./pool/session-port.ts";
import type { CallOptions } from "./types.ts";

const SAVED_TIMEOUT_MS = 5_000;
const SAVED_LOOK_MS = 250;

/** A view of a session of any kind. */
interface AnyView {
  readonly id: string;
  readonly finishedAt?: string | null;
}

/** What is different between the kinds of sessions. */
interface PoolParts<Request, View extends AnyView, Session extends Live<View>> {
  readonly kind: string;
  readonly plan: (request: Request, group: boolean) => SessionPlan<Request>;
  readonly create: (request: Request, mark: string, limits: CallOptions) => Promise<View>;
  readonly get: (id: string) => Promise<View>;
  readonly phaseOf: (view: View) => Phase;
  readonly list: () => AsyncIterable<{ readonly id: string; readonly mark?: string | undefined }>;
  readonly handle: (context: Context, view: View, request: Request, owner: Owner) => Session;
  readonly attach: (id: string) => Session;
  readonly isQuiet: (session: Session) => boolean;
}

/** What a pool needs, in terms of this API: the part that all kinds of sessions share. */
export function poolPort<Request, View extends AnyView, Session extends Live<View>>(
  context: Context,
  parts: PoolParts<Request, View, Session>,
): SessionPort<Request, Session> {
  const seen = (view: View): Seen<Request, Session> => ({
    id: view.id,
    phase: parts.phaseOf(view),
    lend: (request, { check, release }) =>
      parts.handle(checked(context, check), view, request, { onClosed: () => {}, giveBack: release }),
  });
  return {
    kind: parts.kind,
    shared: context.shared,
    plan: (request, { group }) => parts.plan(request, group),
    reserve: (profileId) => context.guard.holdForPool(profileId),
    open: async (request, { mark, timeoutMs }) => {
      if (context.living.isClosed) await context.living.refuseClosed();
      return seen(await parts.create(request, mark, { timeoutMs, totalTimeoutMs: timeoutMs, maxRetries: 0 }));
    },
    get: async (id) => {
      try {
        return seen(await parts.get(id));
      } catch (error) {
        if (isGone(error)) return { id, phase: "closed", lend: () => parts.attach(id) };
        throw error;
      }
    },
    list: parts.list,
    stop: async (id, { savesProfile }) => {
      try {
        const view = await parts.attach(id).stop();
        if (savesProfile && view.finishedAt === null) await untilFinished(() => parts.get(id));
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },
    isQuiet: parts.isQuiet,
    failureOf,
    account: () => projectAccount(context.api),
  };
}

/** A pooled session takes more than one task. */
export function refuseShortLived({ keepAlive }: { readonly keepAlive?: boolean | undefined }): void {
  if (keepAlive === false) throw new InvalidInputError("keepAlive must not be false for a session of a pool.");
}

/** A context for one lease: what it sends is checked first. */
function checked(context: Context, check: () => void): Context {
  const { api } = context;
  const before =
    <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      check();
      return call(...args);
    };
  const { GET, POST, PUT, PATCH, DELETE } = api;
  // Each method keeps its type: it is the same call, one step later.
  const guarded = {
    ...api,
    GET: before(GET as never),
    POST: before(POST as never),
    PUT: before(PUT as never),
    PATCH: before(PATCH as never),
    DELETE: before(DELETE as never),
  } as unknown as Api;
  return { ...context, api: guarded, files: context.files.over(guarded), watcher: context.watcher.under(check) };
}

/** A stop is confirmed by the status; the end has its time a moment later. */
async function untilFinished(get: () => Promise<AnyView>): Promise<void> {
  const deadline = new Deadline(SAVED_TIMEOUT_MS);
  while (!deadline.isOver) {
    await sleep(SAVED_LOOK_MS);
    if ((await get()).finishedAt !== null) return;
  }
}

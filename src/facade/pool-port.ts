import type { Api } from "./call/api.ts";
import { failureOf } from "./call/outcome.ts";
import { Deadline, sleep } from "./call/wait.ts";
import type { Context } from "./context.ts";
import { InvalidInputError } from "./errors.ts";
import { isGone, type Live, type LivePort, type Owner } from "./live.ts";
import type { LiveContext } from "./living.ts";
import type { Phase, Seen, SessionPlan, SessionPort } from "./pool/session-port.ts";
import type { CallOptions } from "./types.ts";

const SAVED_TIMEOUT_MS = 5_000;
const SAVED_LOOK_MS = 250;

/** What pooled sessions of any vendor's have in common. */
type PoolContext = LiveContext & Pick<Context, "shared">;

/** What is different between the kinds of sessions. */
interface PoolParts<Own, Request, View extends object, Session extends Live<View>> {
  readonly kind: string;
  readonly realm?: string;
  readonly live: LivePort<View>;
  readonly plan: (request: Request, group: boolean) => SessionPlan<Request>;
  readonly create: (request: Request, mark: string, limits: CallOptions) => Promise<View>;
  readonly phaseOf: (view: View) => Phase;
  readonly list: () => AsyncIterable<{ readonly id: string; readonly mark?: string | undefined }>;
  /** The context for one lease: everything that it sends asks `check` first. */
  readonly under: (check: () => void) => Own;
  readonly handle: (context: Own, view: View, request: Request, owner: Owner) => Session;
  readonly attach: (id: string) => Session;
  readonly isQuiet: (session: Session) => boolean;
  /** Whether the view of a session that has ended says that its profile is saved. */
  readonly isSaved: (view: View) => boolean;
  readonly account: SessionPort<Request, Session>["account"];
}

/** What a pool needs: the part that all kinds of sessions share. */
export function poolPort<Own, Request, View extends object, Session extends Live<View>>(
  context: PoolContext,
  parts: PoolParts<Own, Request, View, Session>,
): SessionPort<Request, Session> {
  const { get, idOf } = parts.live;
  const seen = (view: View, id = ""): Seen<Request, Session> => ({
    id: idOf(view) ?? id,
    phase: parts.phaseOf(view),
    lend: (request, { check, release }) =>
      parts.handle(parts.under(check), view, request, { onClosed: () => {}, giveBack: release }),
  });
  return {
    kind: parts.kind,
    realm: parts.realm,
    shared: context.shared,
    plan: (request, { group }) => parts.plan(request, group),
    reserve: (profileId) => context.guard.holdForPool(profileId),
    open: async (request, { mark, timeoutMs }) => {
      if (context.living.isClosed) await context.living.refuseClosed();
      return seen(await parts.create(request, mark, { timeoutMs, totalTimeoutMs: timeoutMs, maxRetries: 0 }));
    },
    get: async (id) => {
      try {
        return seen(await get(id, {}), id);
      } catch (error) {
        if (isGone(error)) return { id, phase: "closed", lend: () => parts.attach(id) };
        throw error;
      }
    },
    list: parts.list,
    stop: async (id, { savesProfile }) => {
      try {
        const view = await parts.attach(id).stop();
        if (savesProfile && !parts.isSaved(view)) await untilSaved(async () => parts.isSaved(await get(id, {})));
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },
    isQuiet: parts.isQuiet,
    failureOf,
    account: parts.account,
  };
}

/** A pooled session takes more than one task. */
export function refuseShortLived({ keepAlive }: { readonly keepAlive?: boolean | undefined }): void {
  if (keepAlive === false) throw new InvalidInputError("keepAlive must not be false for a session of a pool.");
}

/** A context for one lease: what it sends is checked first. */
export function checkedFirst(context: Context, check: () => void): Context {
  const api = apiUnder(context.api, check);
  return { ...context, api, files: context.files.over(api), watcher: context.watcher.under(check) };
}

/** An API whose every call asks `check` first. */
export function apiUnder<Paths extends object>(api: Api<Paths>, check: () => void): Api<Paths> {
  const before =
    <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      check();
      return call(...args);
    };
  const { GET, POST, PUT, PATCH, DELETE } = api;
  // Each method keeps its type: it is the same call, one step later.
  return {
    ...api,
    GET: before(GET as never),
    POST: before(POST as never),
    PUT: before(PUT as never),
    PATCH: before(PATCH as never),
    DELETE: before(DELETE as never),
  } as unknown as Api<Paths>;
}

/** A stop is confirmed by the status; the end has its time a moment later. */
async function untilSaved(isSaved: () => Promise<boolean>): Promise<void> {
  const deadline = new Deadline(SAVED_TIMEOUT_MS);
  while (!deadline.isOver) {
    await sleep(SAVED_LOOK_MS);
    if (await isSaved()) return;
  }
}

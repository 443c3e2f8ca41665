import { invalid } from "../server/problem.ts";
import type { SkyvernCloud } from "./cloud.ts";
import type { BodyOf, Handlers } from "./operations.ts";
import { problems } from "./problems.ts";
import type { Run } from "./records.ts";
import { showDispatched } from "./run-view.ts";
import { Work } from "./work.ts";

const DEFAULT_ENGINE = "skyvern-1.0";

/** Types of runs that are not called as their engine is. */
const TYPES: Readonly<Record<string, string>> = {
  "skyvern-1.0": "task_v1",
  "skyvern-2.0": "task_v2",
  "skyvern-3.0": "task_v3",
};

/** The dispatch of tasks. */
export function taskHandlers(cloud: SkyvernCloud): Handlers {
  return {
    v1_run_task: ({ body, defaults, origin }) =>
      showDispatched(cloud, dispatch(cloud, { ...defaults, ...body }, origin)),
  };
}

/** Whether the session is free, or open at all, is not looked at. */
function dispatch(cloud: SkyvernCloud, request: BodyOf<"v1_run_task">, origin: string): Run {
  check(request);
  const session = request.browser_session_id == null ? null : cloud.session(request.browser_session_id);
  const profile = request.browser_profile_id == null ? undefined : cloud.profile(request.browser_profile_id);
  const type = typeOf(request.engine ?? DEFAULT_ENGINE);
  const now = cloud.clock.now();
  const run: Run = {
    id: cloud.newId(type === "task_v2" ? "tsk_v2" : "tsk"),
    type,
    request,
    session,
    browser: session ?? { page: "about:blank", state: new Map(profile?.state) },
    origin,
    createdAt: now,
    steps: [],
    artifacts: [],
    modifiedAt: now,
    queuedAt: null,
    startedAt: null,
    finishedAt: null,
    status: "created",
    output: null,
    failureReason: null,
  };
  cloud.runs.set(run.id, run);
  new Work(cloud, run);
  return run;
}

/**
 * Checks what excludes each other.
 *
 * @throws Problem 422 for a fresh browser that is also to be another, 400 for what the default engine cannot do.
 */
function check(request: BodyOf<"v1_run_task">): void {
  const others = ["browser_session_id", "browser_profile_id", "browser_address"] as const;
  const other = others.find((name) => request[name] != null);
  if (request.start_fresh_browser && other) {
    const msg = `Value error, start_fresh_browser and ${other} exclude each other`;
    throw invalid(["body"], msg, "value_error", request);
  }
  if ((request.engine ?? DEFAULT_ENGINE) !== DEFAULT_ENGINE) return;
  if (request.browser_profile_id != null) throw problems.defaultEngine("browser_profile_id");
  if (request.start_fresh_browser) throw problems.defaultEngine("start_fresh_browser");
}

function typeOf(engine: string): Run["type"] {
  return (TYPES[engine] ?? engine.replaceAll("-", "_")) as Run["type"]; // the spec says that both lists grow
}

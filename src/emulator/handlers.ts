import { billingHandlers } from "./billing.ts";
import { browserHandlers } from "./browsers.ts";
import type { Cloud } from "./cloud.ts";
import type { Handlers } from "./operations.ts";
import { profileHandlers } from "./profiles.ts";
import { fileV2Handlers } from "./v2/files.ts";
import { sessionV2Handlers } from "./v2/sessions.ts";
import { taskV2Handlers } from "./v2/tasks.ts";
import { messageV3Handlers } from "./v3/messages.ts";
import { sessionV3Handlers } from "./v3/sessions.ts";
import { workspaceFileV3Handlers } from "./v3/workspace-files.ts";
import { workspaceV3Handlers } from "./v3/workspaces.ts";
import { eventV4Handlers } from "./v4/events.ts";
import { queueV4Handlers } from "./v4/queue.ts";
import { keepingData } from "./v4/retention.ts";
import { runV4Handlers } from "./v4/runs.ts";
import { purgeV4Handlers, sessionV4Handlers } from "./v4/sessions.ts";
import { workspaceFileV4Handlers } from "./v4/workspace-files.ts";
import { workspaceV4Handlers } from "./v4/workspaces.ts";

/** What each operation does. */
export function handlersOf(cloud: Cloud): Handlers {
  return {
    ...profileHandlers(cloud),
    ...billingHandlers(cloud),
    ...browserHandlers(cloud),
    ...sessionV2Handlers(cloud),
    ...taskV2Handlers(cloud),
    ...fileV2Handlers(cloud),
    ...sessionV3Handlers(cloud),
    ...messageV3Handlers(cloud),
    ...workspaceV3Handlers(cloud),
    ...workspaceFileV3Handlers(cloud),
    ...handlersV4(cloud),
  };
}

/** Nearly all of v4 is closed to a project that keeps no data. */
function handlersV4(cloud: Cloud): Handlers {
  return {
    ...keepingData(cloud, {
      ...runV4Handlers(cloud),
      ...eventV4Handlers(cloud),
      ...sessionV4Handlers(cloud),
      ...queueV4Handlers(cloud),
      ...workspaceFileV4Handlers(cloud),
    }),
    ...workspaceV4Handlers(cloud),
    ...purgeV4Handlers(cloud),
  };
}

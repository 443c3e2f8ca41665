import { billingHandlers } from "./billing.ts";
import { browserHandlers } from "./browsers.ts";
import type { Cloud } from "./cloud.ts";
import { eventV4Handlers } from "./events-v4.ts";
import { fileV2Handlers } from "./files-v2.ts";
import { messageV3Handlers } from "./messages-v3.ts";
import type { Handlers } from "./operations.ts";
import { profileHandlers } from "./profiles.ts";
import { queueV4Handlers } from "./queue-v4.ts";
import { keepingData } from "./retention-v4.ts";
import { runV4Handlers } from "./runs-v4.ts";
import { sessionV2Handlers } from "./sessions-v2.ts";
import { sessionV3Handlers } from "./sessions-v3.ts";
import { purgeV4Handlers, sessionV4Handlers } from "./sessions-v4.ts";
import { taskV2Handlers } from "./tasks-v2.ts";
import { workspaceFileV3Handlers } from "./workspace-files-v3.ts";
import { workspaceFileV4Handlers } from "./workspace-files-v4.ts";
import { workspaceV3Handlers } from "./workspaces-v3.ts";
import { workspaceV4Handlers } from "./workspaces-v4.ts";

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

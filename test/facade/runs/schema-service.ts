import type { OutputSchema, OutputValidationError, RunResult } from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import { Service } from "../../support/service.ts";
import { v2Session, v2Task, v3View } from "../../support/views.ts";

/** A service on which each run ends at once with this text. */
export function v2(output: string | null, isSuccess = true): Service {
  return new Service()
    .on("POST /v2/sessions", v2Session())
    .on("POST /v2/tasks", { id: "t1", sessionId: "s1" })
    .on("GET /v2/tasks/t1/status", { status: "finished" })
    .on("GET /v2/tasks/t1", v2Task({ output, isSuccess }));
}

/** A service on which each run ends at once with this, as it is. */
export function v3(output: unknown, isTaskSuccessful = true): Service {
  return new Service()
    .on("POST /v3/sessions", v3View())
    .on("GET /v3/sessions/s1", v3View(), v3View({ status: "running" }), v3View({ output, isTaskSuccessful }))
    .on("GET /v3/sessions/s1/messages", { messages: [], hasMore: false });
}

/** The result of a run on v2 that is answered so. */
export async function runV2<T>(output: string | null, schema: OutputSchema<T>): Promise<RunResult<T>> {
  const session = await v2(output).client().v2.sessions.open();
  return session.run("Read the total", { schema });
}

/** The result of a run on v3 that is answered so. */
export async function runV3<T>(output: unknown, schema: OutputSchema<T>): Promise<RunResult<T>> {
  const session = await v3(output).client().v3.sessions.open();
  return session.run("Read the total", { schema });
}

/** What a run is refused with. */
export async function refusalOf(run: Promise<unknown>): Promise<OutputValidationError<RunResult>> {
  const error = await rejection(run);
  if (error instanceof Error && error.name === "OutputValidationError")
    return error as OutputValidationError<RunResult>;
  throw error;
}

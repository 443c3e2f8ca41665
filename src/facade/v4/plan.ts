import { browserSettings, type CustomProxyInput } from "../browser-settings.ts";
import { complete } from "../call/answers.ts";
import { isRecord } from "../call/redact.ts";
import { checkBody } from "../check-body.ts";
import type { Context } from "../context.ts";
import { checkMaxCostUsd, refuseUnbounded } from "../costs.ts";
import { InvalidInputError } from "../errors.ts";
import type { UploadFile } from "../files/upload.ts";
import { refuseFields } from "../runs/run-options.ts";
import type { Body, CallOptions, Ok, Open } from "../types.ts";
import { type Attachment, attaching } from "./attachments.ts";

const CREATE = "POST /v4/runs";
/** Together they are what the service calls the second. */
const FILES_AND_IDS: ReadonlyMap<string, string> = new Map([["attachedFileIds", "files and attachedFileIds"]]);
type RunBody = Body<"/v4/runs", "post">;
type Settings = NonNullable<RunBody["browserSettings"]>;

/** What the browser of a v4 run is opened with. */
export interface V4BrowserSettings extends Readonly<Omit<Settings, "customProxy" | "proxyCountryCode">> {
  /** A proxy of your own, as an object or as a URL. A follow-up does not inherit it. */
  readonly customProxy?: CustomProxyInput | null | undefined;
  /** Two lower-case letters, `uk` for Britain; null for no proxy. Default: `us`, and in a follow-up the one before. */
  readonly proxyCountryCode?: Open<NonNullable<Settings["proxyCountryCode"]>> | null | undefined;
}

/** What a v4 run may be given beside its task. */
export interface V4RunFields extends Readonly<Omit<RunBody, "task" | "model" | "browserSettings">> {
  /** Which model runs the task. */
  readonly model?: Open<NonNullable<RunBody["model"]>> | undefined;
  readonly browserSettings?: V4BrowserSettings | null | undefined;
  /**
   * Files for the agent, 1 byte to 50 MiB each; with `attachedFileIds` at most 20. They are stored before the run starts: in `workspaceId`,
   * else in the workspace of `sessionId`, else in a new one.
   */
  readonly files?: UploadFile | readonly UploadFile[] | undefined;
}

/** A run that the service has taken, and the files that went with it. */
export interface Started extends Readonly<Ok<"/v4/runs", "post">> {
  readonly attachments: readonly Attachment[];
}

/**
 * Checks all that can be checked of a run, and sends nothing. What it gives stores the files, and then starts the run, which a signal no
 * longer holds up.
 *
 * @throws {@link InvalidInputError} for what cannot be.
 */
export function planRun(
  context: Context,
  task: string,
  { files = [], ...fields }: V4RunFields,
  where: string,
  limits: CallOptions,
): (options: CallOptions) => Promise<Started> {
  const body = runBody(context, task, fields, where);
  const given = [files].flat();
  const attach = given.length > 0 ? attaching(context, given, body, where, limits) : undefined;
  const withFiles = (ids: readonly string[]) => ({
    ...body,
    attachedFileIds: [...(body.attachedFileIds ?? []), ...ids],
  });
  if (attach) checkBody(CREATE, withFiles(given.map(({ name }) => name)), FILES_AND_IDS);
  return async ({ signal, ...limits }) => {
    const { attachments = [], made } = (await attach?.({ ...limits, signal })) ?? {};
    // Storing files takes its time. The closing itself waits for this, so that this must not wait for it. Follow-ups need no open client.
    if (attach && body.sessionId == null && context.living.isClosed)
      throw new InvalidInputError("This client is closed: the run was not started.");
    const whole = attach ? { ...withFiles(attachments.map(({ id }) => id)), ...made } : body;
    const answer = await context.api.POST("/v4/runs", { body: whole, ...limits });
    return { ...complete(answer, CREATE, "id", "sessionId"), attachments };
  };
}

function runBody(context: Context, task: string, fields: Omit<V4RunFields, "files">, where: string): RunBody {
  const { browserSettings: settings, maxCostUsd = context.maxCostUsd, ...rest } = fields;
  refuseFields(rest, where, "task");
  const body = checkBody(CREATE, {
    ...rest,
    ...(settings !== undefined && { browserSettings: isRecord(settings) ? checkedSettings(settings) : settings }),
    ...(maxCostUsd !== undefined && { maxCostUsd }),
    task,
  });
  checkMaxCostUsd(maxCostUsd);
  refuseUnbounded(context, { maxCostUsd });
  // Models and countries are open lists: the service may know more of them than its spec does.
  return body as RunBody;
}

/** v4 has no structured output, under whichever name it is asked for. */
export function refuseSchema(fields: object): void {
  const asked = ["schema", "outputSchema", "structuredOutput"].find((name) => Object(fields)[name] !== undefined);
  if (asked === undefined) return;
  throw new InvalidInputError(
    `${asked}: v4 answers with text alone. Ask for JSON in the task, and read it with resume(run.toJSON(), { schema }).`,
  );
}

function checkedSettings(settings: V4BrowserSettings): object {
  const { screenWidth, screenHeight } = settings;
  if ((screenWidth == null) !== (screenHeight == null)) {
    throw new InvalidInputError("browserSettings.screenWidth and screenHeight must be given together.");
  }
  return browserSettings(settings);
}

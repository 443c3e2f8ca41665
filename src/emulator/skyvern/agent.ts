import { smallest } from "../agent.ts";
import type { SkyvernCloud } from "./cloud.ts";
import type { SkyvernTask } from "./options.ts";

/** A picture of one pixel. */
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=",
  "base64",
);

/**
 * The agent that answers when the user of the emulator gave none: two steps, then a text that says what it is, or the smallest value that
 * fits the schema the output has to follow.
 */
export function emulatorAgent(cloud: SkyvernCloud): (task: SkyvernTask) => Promise<unknown> {
  const pause = (): Promise<void> =>
    new Promise((resolve) => cloud.clock.after(cloud.settings.queueMs, () => resolve()));
  return async (task) => {
    await task.step({ summary: "Emulator: read the prompt" });
    await pause();
    await task.step({ summary: "Emulator: answered without a browser or a language model" });
    await task.write("screenshot_final", PIXEL, "image/png");
    const schema = schemaOf(task.request.data_extraction_schema);
    if (schema) return smallest(schema, schema);
    return `This is the Skyvern emulator. No agent is attached, so nothing was done about: ${task.prompt.slice(0, 200)}`;
  };
}

/** A schema may come as an object, or as its text. */
function schemaOf(given: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof given === "string") return schemaOf(parsed(given));
  return given !== null && typeof given === "object" && !Array.isArray(given)
    ? (given as Readonly<Record<string, unknown>>) // any object of JSON is one
    : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import { problems } from "./server/problem.ts";

/** The parts of a request that set the size of the browser's screen. */
export interface ScreenRequest {
  readonly browserScreenWidth?: number | null;
  readonly browserScreenHeight?: number | null;
}

/**
 * Width and height only go together.
 *
 * @throws Problem 422 when only one of them is set.
 */
export function checkScreen(request: ScreenRequest, place: readonly string[] = ["body"]): void {
  const { browserScreenWidth: width, browserScreenHeight: height } = request;
  if ((width == null) === (height == null)) return;
  const [missing, given] = width == null ? ["browserScreenWidth", height] : ["browserScreenHeight", width];
  throw problems.invalid([...place, missing], "Width and height must be set together", "value_error", given);
}

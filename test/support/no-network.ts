import nock from "nock";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";

// No request of these tests leaves the process: one that no interceptor expects fails its test, and so does an interceptor that no
// request came for.
const unexpected: string[] = [];

nock.emitter.on("no match", (request: { method?: string; path?: string }) => {
  unexpected.push(`${request.method} ${request.path}`);
});

beforeAll(() => {
  nock.disableNetConnect();
});

beforeEach(() => {
  unexpected.length = 0;
});

afterEach(() => {
  const unused = nock.pendingMocks();
  nock.cleanAll();
  expect({ unexpected, unused }).toEqual({ unexpected: [], unused: [] });
});

afterAll(() => {
  nock.restore();
});

/** A service in a process of its own that answers everything at once with a session of v3. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { member } from "./crew.ts";

const SESSION = JSON.stringify({
  id: "3c90c3cc-0d44-4b50-8888-8dd25736052a",
  status: "running",
  model: "bu-mini",
  title: "Find the cheapest flight",
  output: null,
  outputSchema: null,
  stepCount: 7,
  lastStepSummary: "Looks at the list of flights and notes their prices.",
  isTaskSuccessful: null,
  liveUrl: "https://live.browser-use.com/?session=3c90c3cc",
  recordingUrls: [],
  profileId: "3c90c3cc-0d44-4b50-8888-8dd25736052b",
  workspaceId: null,
  proxyCountryCode: "us",
  maxCostUsd: "1.00",
  totalInputTokens: 12_345,
  totalOutputTokens: 678,
  proxyUsedMb: "1.2",
  llmCostUsd: "0.012",
  proxyCostUsd: "0.001",
  browserCostUsd: "0.002",
  totalCostUsd: "0.015",
  screenshotUrl: null,
  createdAt: "2026-01-02T03:04:05.678Z",
  updatedAt: "2026-01-02T03:05:06.789Z",
});

await member(async () => {
  const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(SESSION) };
  const server = createServer((_, response) => response.writeHead(200, headers).end(SESSION));
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return async () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

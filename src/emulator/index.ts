export type { Download } from "./downloads.ts";
export { createEmulator, type Emulator, type SessionSummary, startEmulator } from "./emulator.ts";
export type { AgentStep, EmulatorOptions, TaskJob } from "./options.ts";
export type { Fault, FaultRule } from "./server/faults.ts";
export type { LoggedRequest } from "./server/server.ts";
export {
  createSkyvernEmulator,
  type SkyvernEmulator,
  type SkyvernSessionSummary,
  startSkyvernEmulator,
} from "./skyvern/emulator.ts";
export { skyvernFaults } from "./skyvern/known-faults.ts";
export type { SkyvernEmulatorOptions, SkyvernTask } from "./skyvern/options.ts";
export { RawNumber, type WebhookForm } from "./webhook-json.ts";
export type { WebhookDelivery, WebhookMessage, WebhookOptions } from "./webhooks.ts";

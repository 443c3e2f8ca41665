export { InvalidInputError, WebhookVerificationError } from "./facade/errors.ts";
export type {
  StatusUpdateEvent,
  TestEvent,
  UnknownEvent,
  WebhookEvent,
  WebhookStatus,
} from "./facade/webhook-event.ts";
export { verifyWebhook, type WebhookHeaders, type WebhookRequest } from "./facade/webhooks.ts";

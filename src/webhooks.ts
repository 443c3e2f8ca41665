export { InvalidInputError, WebhookVerificationError } from "./facade/errors.ts";
export type {
  StatusUpdateEvent,
  TestEvent,
  UnknownEvent,
  WebhookEvent,
  WebhookStatus,
} from "./facade/webhooks/webhook-event.ts";
export { verifyWebhook, type WebhookHeaders, type WebhookRequest } from "./facade/webhooks/webhooks.ts";

export { WebhookVerificationError } from "./facade/errors.ts";

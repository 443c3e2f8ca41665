import type { Cloud } from "./cloud.ts";
import type { Handlers, Schema } from "./operations.ts";

const CREDITS_USD = 100;

/** The account: what the sessions cost is taken from its credits. */
export function billingHandlers(cloud: Cloud): Handlers {
  return {
    v2_get_account_billing_billing_account_get: () => account(cloud),
    v3_get_account_billing_billing_account_get: () => account(cloud),
  };
}

function account(cloud: Cloud): Schema<"V2AccountView"> & Schema<"V3AccountView"> {
  const left = (CREDITS_USD * 1_000_000 - cloud.spent) / 1_000_000;
  return {
    name: "Emulator",
    totalCreditsBalanceUsd: left,
    monthlyCreditsBalanceUsd: 0,
    additionalCreditsBalanceUsd: left,
    rateLimit: cloud.settings.maxSessions,
    isFreeTier: false,
    projectId: cloud.projectId,
    planInfo: {
      planName: "emulator",
      subscriptionStatus: null,
      subscriptionId: null,
      subscriptionCurrentPeriodEnd: null,
      subscriptionCanceledAt: null,
    },
  };
}

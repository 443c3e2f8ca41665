import type { SkyvernProfile, SkyvernSessionView, TaskRunView } from "../../src/skyvern.ts";

const TIME = "2026-03-01T10:00:00.123456";

/** A session that is open and free. */
export function session(fields: Partial<SkyvernSessionView> = {}): SkyvernSessionView {
  return {
    browser_session_id: "pbs_1",
    organization_id: "o_1",
    status: "running",
    runnable_id: null,
    runnable_type: null,
    timeout: 60,
    browser_address: "wss://cdp.test/pbs_1",
    app_url: "https://app.skyvern.test/pbs_1",
    generate_browser_profile: false,
    vnc_streaming_supported: false,
    created_at: TIME,
    modified_at: TIME,
    started_at: TIME,
    completed_at: null,
    ...fields,
  };
}

/** A session that has ended. */
export function closed(fields: Partial<SkyvernSessionView> = {}): SkyvernSessionView {
  return session({ status: "completed", completed_at: "2026-03-01T11:00:00", browser_address: null, ...fields });
}

/** A run that is completed. */
export function taskRun(fields: Partial<TaskRunView> = {}): TaskRunView {
  return {
    run_id: "tsk_1",
    status: "completed",
    run_type: "task_v1",
    output: { invoices: ["A-1", "A-2"] },
    created_at: TIME,
    modified_at: TIME,
    recording_archived: false,
    ...fields,
  };
}

/** A profile. */
export function profile(fields: Partial<SkyvernProfile> = {}): SkyvernProfile {
  return {
    browser_profile_id: "bp_1",
    organization_id: "o_1",
    name: "acme",
    is_managed: false,
    created_at: TIME,
    modified_at: TIME,
    ...fields,
  };
}

import { expect, test } from "vitest";
import type { Schema } from "../../../src/emulator/operations.ts";
import { emulated, MISSING } from "../support.ts";

type Workspace = Schema<"V4WorkspaceInfo">;

test("a workspace is created with or without a name, and is not archived", async () => {
  const api = await emulated();
  const { status, body } = await api.post<Workspace>("/v4/workspaces", { name: "one" });

  expect(status).toBe(200);
  expect(body).toMatchObject({ name: "one", archived: false, createdAt: expect.stringMatching(/Z$/) });
  expect((await api.get<Workspace>(`/v4/workspaces/${body.id}`)).body).toEqual(body);
  expect((await api.post<Workspace>("/v4/workspaces", {})).body.name).toBeNull();
  expect((await api.post("/v4/workspaces")).status).toBe(422);
  expect((await api.get(`/v4/workspaces/${MISSING}`)).status).toBe(404);
});

test("v3 and v4 have the same workspaces: one renamed or deleted in v3 is so in v4", async () => {
  const api = await emulated();
  const { id } = (await api.post<Workspace>("/v4/workspaces", {})).body;
  await api.patch(`/v3/workspaces/${id}`, { name: "renamed" });

  expect((await api.get<Workspace>(`/v4/workspaces/${id}`)).body.name).toBe("renamed");
  await api.delete(`/v3/workspaces/${id}`);
  expect((await api.get(`/v4/workspaces/${id}`)).status).toBe(404);
});

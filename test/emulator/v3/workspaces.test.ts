import { expect, test } from "vitest";
import type { Schema } from "../../../src/emulator/operations.ts";
import { emulated, MISSING } from "../support.ts";

type Workspace = Schema<"V3WorkspaceView">;

test("a workspace is created, listed, read, renamed and deleted", async () => {
  const api = await emulated();
  const created = await api.post<Workspace>("/v3/workspaces", { name: "one" });
  expect(created).toMatchObject({ status: 201, body: { name: "one" } });

  const path = `/v3/workspaces/${created.body.id}`;
  expect((await api.get(path)).body).toEqual(created.body);
  expect((await api.get("/v3/workspaces")).body).toMatchObject({ items: [created.body], totalItems: 1 });
  expect((await api.patch<Workspace>(path, { name: "two" })).body.name).toBe("two");
  expect((await api.patch<Workspace>(path, {})).body.name).toBe("two");
  expect((await api.delete(path)).status).toBe(204);
  expect((await api.get(path)).status).toBe(404);
  expect((await api.delete(`/v3/workspaces/${MISSING}`)).status).toBe(404);
});

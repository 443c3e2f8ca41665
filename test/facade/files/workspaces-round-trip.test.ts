import { expect, test } from "vitest";
import { startEmulator } from "../../../src/emulator/index.ts";
import { DownloadError, NotFoundError, type UploadFile } from "../../../src/index.ts";
import { clientOf, rejection } from "../../support/clients.ts";

const bytes = (length: number, seed: number) => Uint8Array.from({ length }, (_, index) => (index * seed) % 251);

async function setUp() {
  const emulator = await startEmulator({ port: 0 });
  const client = clientOf(emulator, { apiKey: emulator.apiKey });
  const { id } = await client.workspaces.create({ name: "inbox" });
  return { client, id, close: () => emulator.close() };
}

test("Files that are stored in a workspace are listed, come back as they were, and are gone once deleted", async () => {
  const { client, id, close } = await setUp();
  try {
    const { workspaces } = client;
    const given: UploadFile[] = Array.from({ length: 23 }, (_, index) => ({
      name: `${index % 2 ? "even" : "odd"}/${index % 5}.bin`,
      data: bytes(1_000 + index, index + 3),
    }));
    const uploaded = await workspaces.upload(id, given, { prefix: "in" });
    expect(new Set(uploaded.map(({ fileName }) => fileName)).size).toBe(23);
    const sizes = new Map<string, number>();
    for await (const { path, sizeBytes } of workspaces.files(id, { prefix: "in/" })) sizes.set(path, sizeBytes);
    expect(sizes).toEqual(new Map(uploaded.map(({ fileName, sizeBytes }) => [fileName, sizeBytes])));
    const contents = new Map<string, Uint8Array>();
    for await (const file of workspaces.downloadAll(id)) contents.set(file.path, await file.bytes());
    for (const [index, { fileName }] of uploaded.entries()) {
      expect(contents.get(fileName)).toEqual(bytes(1_000 + index, index + 3));
    }
    const total = uploaded.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    expect(await workspaces.size(id)).toMatchObject({ usedBytes: total });
    const [{ fileName } = { fileName: "" }] = uploaded;
    expect(await workspaces.download(id, fileName).bytes()).toEqual(bytes(1_000, 3));
    await workspaces.deleteFile(id, fileName);
    expect(await rejection(workspaces.download(id, fileName).bytes())).toBeInstanceOf(DownloadError);
    await workspaces.delete(id);
    expect(await rejection(workspaces.get(id))).toBeInstanceOf(NotFoundError);
  } finally {
    await close();
  }
});

test("What a session is given before its task lies in its workspace, for the next session as well", async () => {
  const { client, id, close } = await setUp();
  try {
    const paths = await client.v3.sessions.use({ workspaceId: id }, async (session) => {
      const uploaded = await session.upload([
        { name: "größe 1.csv", data: bytes(10, 1) },
        { name: "größe 1.csv", data: bytes(11, 1), type: "text/csv; charset=latin1" },
      ]);
      return uploaded.map(({ fileName }) => fileName);
    });
    const listed: string[] = [];
    for await (const { path } of client.workspaces.files(id)) listed.push(path);
    expect(listed.sort()).toEqual([...paths].sort());
    expect(await client.workspaces.download(id, paths[1] ?? "").bytes()).toEqual(bytes(11, 1));
  } finally {
    await close();
  }
});

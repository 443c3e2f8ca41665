import { describe, expect, test } from "vitest";
import { type BrowserUse, InvalidInputError, NotFoundError, type Profile } from "../../src/index.ts";
import { rejection } from "../support/clients.ts";
import { abortAfter, delayed, held, refusal, reset, Service, useFastTime } from "../support/service.ts";
import { profile } from "../support/views.ts";

useFastTime();

const LIST = "GET /v3/profiles";
const CREATE = "POST /v3/profiles";

/** A project with these profiles, searched as loosely as the service does. */
class Project {
  readonly service = new Service();
  readonly client: BrowserUse = this.service.client();
  readonly profiles: Profile[];
  #next = 1;

  constructor(...profiles: Profile[]) {
    this.profiles = profiles;
    this.service
      .on(LIST, ({ query }) => {
        const part = query["query"] ?? "";
        const found = this.profiles.filter(({ name, userId }) => [name, userId].some((text) => text?.includes(part)));
        const first = (Number(query["pageNumber"]) - 1) * 100;
        return { items: found.slice(first, first + 100), totalItems: found.length, pageNumber: 1, pageSize: 100 };
      })
      .on(CREATE, ({ body }) => {
        const created = profile(`new${this.#next++}`, { ...(body as object), createdAt: "2026-03-02T00:00:00Z" });
        this.profiles.push(created);
        return created;
      });
  }
}

test("A profile that is there is found by its exact name, and nothing is created", async () => {
  const project = new Project(
    profile("a", { name: "acme-support-2" }),
    profile("b", { name: "ACME-support" }),
    profile("c", { name: "acme-support" }),
    profile("d", { userId: "acme-support" }),
  );
  const ensured = await project.client.profiles.ensure({ name: "acme-support" });
  expect(ensured).toEqual({ ...profile("c", { name: "acme-support" }), created: false, duplicates: [] });
  expect(project.service.operations).toEqual([LIST]);
});

test("A profile is looked for on all pages", async () => {
  const others = Array.from({ length: 250 }, (_, index) => profile(`o${index}`, { name: `acme ${index}` }));
  const project = new Project(...others, profile("c", { name: "acme" }));
  expect((await project.client.profiles.ensure({ name: "acme" })).id).toBe("c");
  expect(project.service.count(LIST)).toBe(3);
});

test("A profile that is not there is created, and looked for once more", async () => {
  const project = new Project();
  const ensured = await project.client.profiles.ensure({ name: "acme", userId: "u1" });
  expect(ensured).toMatchObject({ id: "new1", name: "acme", userId: "u1", created: true, duplicates: [] });
  expect(project.service.operations).toEqual([LIST, CREATE, LIST]);
});

describe("with a userId", () => {
  test("the profile of that user is found, whatever its name", async () => {
    const project = new Project(profile("a", { name: "acme" }), profile("b", { name: "old name", userId: "u1" }));
    expect((await project.client.profiles.ensure({ name: "acme", userId: "u1" })).id).toBe("b");
  });

  test("nobody gets another user's profile because of its name", async () => {
    const project = new Project(profile("a", { name: "u1" }), profile("b", { name: "u1", userId: "u2" }));
    expect(await project.client.profiles.ensure({ name: "u1", userId: "u1" })).toMatchObject({
      id: "new1",
      created: true,
    });
  });

  test("nobody gets another user's profile because the ids begin alike or differ in case", async () => {
    const project = new Project(profile("a", { userId: "u12" }), profile("b", { userId: "U1" }));
    expect((await project.client.profiles.ensure({ userId: "u1" })).created).toBe(true);
  });

  test.each([null, "", 7, {}])("that is %j, everything is refused before anything is sent", async (userId) => {
    const project = new Project(profile("a", { name: "someone else's", userId: null }));
    const ensuring = project.client.profiles.ensure({ name: "acme", userId: userId as string });
    expect(await rejection(ensuring)).toBeInstanceOf(InvalidInputError);
    expect(project.service.sent).toEqual([]);
  });
});

test("A name or user id longer than the search takes is searched by its beginning and compared as a whole", async () => {
  const userId = "é".repeat(250);
  const project = new Project(profile("a", { userId: "é".repeat(249) }), profile("b", { userId }));
  expect((await project.client.profiles.ensure({ userId })).id).toBe("b");
  expect(project.service.sent[0]?.query["query"]).toBe("é".repeat(200));
});

test("Of duplicates the oldest wins, the others are reported, and none is deleted", async () => {
  const project = new Project(
    profile("young", { name: "acme", createdAt: "2026-03-03T00:00:00Z" }),
    profile("old", { name: "acme", createdAt: "2026-03-01T00:00:00+02:00" }),
    profile("naive", { name: "acme", createdAt: "2026-03-01T12:00:00" }),
  );
  const ensured = await project.client.profiles.ensure({ name: "acme" });
  expect(ensured).toMatchObject({ id: "old", created: false, duplicates: ["naive", "young"] });
  expect(project.service.operations).toEqual([LIST]);
});

test("Of twins of the same age every process picks the same one", async () => {
  const [a, b] = [profile("a", { name: "acme" }), profile("b", { name: "acme" })];
  const ids = [];
  for (const order of [
    [a, b],
    [b, a],
  ]) {
    ids.push((await new Project(...order).client.profiles.ensure({ name: "acme" })).id);
  }
  expect(ids).toEqual(["a", "a"]);
});

test("A profile that another process created meanwhile wins when it is older, and ours is reported", async () => {
  const project = new Project();
  const theirs = profile("theirs", { name: "acme" });
  project.service.on(CREATE, () => {
    const ours = profile("ours", { name: "acme", createdAt: "2026-03-01T10:00:01Z" });
    project.profiles.push(theirs, ours);
    return ours;
  });
  const ensured = await project.client.profiles.ensure({ name: "acme" });
  expect(ensured).toMatchObject({ id: "theirs", created: false, duplicates: ["ours"] });
});

test("A profile of ours that the list does not have yet is reported all the same", async () => {
  const project = new Project();
  project.service.on(CREATE, () => {
    project.profiles.push(profile("theirs", { name: "acme" }));
    return profile("ours", { name: "acme", createdAt: "2026-03-01T10:00:01Z" });
  });
  const ensured = await project.client.profiles.ensure({ name: "acme" });
  expect(ensured).toMatchObject({ id: "theirs", created: false, duplicates: ["ours"] });
});

test("A profile of ours that is the oldest wins, also when the list does not have it yet", async () => {
  const project = new Project();
  project.service.on(CREATE, () => {
    project.profiles.push(profile("theirs", { name: "acme", createdAt: "2026-03-01T10:00:01Z" }));
    return profile("ours", { name: "acme" });
  });
  const ensured = await project.client.profiles.ensure({ name: "acme" });
  expect(ensured).toMatchObject({ id: "ours", created: true, duplicates: ["theirs"] });
});

test("A profile that the list does not have yet is created, and given", async () => {
  const project = new Project();
  project.service.on(CREATE, profile("ours", { name: "acme" }));
  const ensured = await project.client.profiles.ensure({ name: "acme" });
  expect(ensured).toMatchObject({ id: "ours", created: true, duplicates: [] });
});

test("Strict creates nothing, and says what is missing", async () => {
  const project = new Project();
  const error = await rejection(project.client.profiles.ensure({ name: "acme" }, { strict: true }));
  expect(error).toBeInstanceOf(NotFoundError);
  expect(error).toMatchObject({ code: "not_found", message: expect.stringContaining('"acme"') });
  expect(project.service.operations).toEqual([LIST]);
});

test("Calls that ask for the same at the same time create one profile", async () => {
  const project = new Project();
  const { client } = project;
  const ensured = await Promise.all(Array.from({ length: 20 }, () => client.profiles.ensure({ name: "acme" })));
  expect(new Set(ensured.map(({ id }) => id))).toEqual(new Set(["new1"]));
  expect(project.service.count(CREATE)).toBe(1);
});

test("Calls that ask for different things do not wait for each other, nor share anything", async () => {
  const project = new Project();
  const { client } = project;
  const [one, two, three, strict] = await Promise.allSettled([
    client.profiles.ensure({ name: "acme" }),
    client.profiles.ensure({ name: "other" }),
    client.profiles.ensure({ userId: "acme" }),
    client.profiles.ensure({ name: "acme" }, { strict: true }),
  ]);
  const ids = [one, two, three].map((result) => result.status === "fulfilled" && result.value.id);
  expect(new Set(ids).size).toBe(3);
  expect(strict.status).toBe("rejected");
});

test("A call that failed is not remembered", async () => {
  const project = new Project();
  const { client, service } = project;
  service.on(CREATE, refusal(402, "Subscription required for additional profiles"), profile("ours", { name: "acme" }));
  expect(await rejection(client.profiles.ensure({ name: "acme" }))).toMatchObject({ code: "insufficient_credits" });
  expect((await client.profiles.ensure({ name: "acme" })).id).toBe("ours");
});

test("A profile whose creation was lost is found the next time, not created twice", async () => {
  const project = new Project();
  project.service.on(CREATE, () => {
    project.profiles.push(profile("ours", { name: "acme" }));
    return reset();
  });
  const { client } = project;
  expect(await rejection(client.profiles.ensure({ name: "acme" }))).toMatchObject({ outcome: "unknown" });
  expect(await client.profiles.ensure({ name: "acme" })).toMatchObject({ id: "ours", created: false });
  expect(project.service.count(CREATE)).toBe(1);
});

describe("a caller that leaves", () => {
  test("leaves at once with its own reason, and hurts nobody who waits for the same", async () => {
    const project = new Project();
    project.service.on(LIST, delayed(5_000, { items: [profile("a", { name: "acme" })], totalItems: 1 }));
    const { signal, reason } = abortAfter(1_000);
    const { client } = project;
    const [left, stayed] = await Promise.allSettled([
      client.profiles.ensure({ name: "acme" }, { signal }),
      client.profiles.ensure({ name: "acme" }),
    ]);
    expect(left).toEqual({ status: "rejected", reason });
    expect(stayed).toMatchObject({ status: "fulfilled", value: { id: "a" } });
    expect(project.service.count(LIST)).toBe(1);
  });

  test("and was alone leaves no unhandled failure behind", async () => {
    const listed = held();
    const service = new Service().on(LIST, listed.reply);
    const control = new AbortController();
    const ensuring = rejection(service.client().profiles.ensure({ name: "acme" }, { signal: control.signal }));
    await listed.asked;
    control.abort(new Error("left"));
    expect(await ensuring).toBe(control.signal.reason);
    listed.give(refusal(401, "no"));
    await new Promise((resolve) => setTimeout(resolve, 100));
  });

  test("before it began asks nothing", async () => {
    const service = new Service();
    const signal = AbortSignal.abort(new Error("too late"));
    expect(await rejection(service.client().profiles.ensure({ name: "acme" }, { signal }))).toBe(signal.reason);
  });
});

test.each<[string, object]>([
  ["nothing", {}],
  ["an empty name", { name: "" }],
  ["a name of 101 characters", { name: "a".repeat(101) }],
  ["a user id of 256 characters", { userId: "a".repeat(256) }],
  ["a misspelled field", { name: "acme", userID: "u1" }],
  ["a name that is null", { name: null, userId: "u1" }],
])("Ensuring %s is refused before anything is sent", async (_, request) => {
  const service = new Service();
  expect(await rejection(service.client().profiles.ensure(request))).toBeInstanceOf(InvalidInputError);
});

test.each(["", ".", ".."])("A profile id of %j is refused before anything is sent", async (id) => {
  const { profiles } = new Service().client();
  expect(await rejection(profiles.get(id))).toBeInstanceOf(InvalidInputError);
  expect(await rejection(profiles.update(id, {}))).toBeInstanceOf(InvalidInputError);
  expect(await rejection(profiles.delete(id))).toBeInstanceOf(InvalidInputError);
});

/** One process that plays many replicas, each with a connection of its own and one that listens. */
import { member } from "./crew.ts";
import { connectStore } from "./redis.ts";
import { added, nothingSeen, Replica, type ReplicaPlan, type Seen } from "./replica.ts";
import { inParallel } from "./wants.ts";

/** What a process of this program is told at its start. */
export interface ReplicasOrder {
  readonly url: string;
  readonly prefix: string;
  readonly replicas: number;
  readonly plan: ReplicaPlan;
}

/** `fill`: open so many sessions. `work`: use so many more all the time. `watch`: tell what was seen in so long a time. */
export interface ReplicasTask {
  readonly phase: "fill" | "work" | "watch" | "stop";
  /** Over all replicas of the process. */
  readonly sessions?: number;
  readonly forMs?: number;
}

await member(async ({ url, prefix, replicas, plan }: ReplicasOrder) => {
  const fleet: Replica[] = [];
  await inParallel(replicas, 20, async () => {
    const { store } = await connectStore(url, prefix);
    fleet.push(new Replica(store.project("bench"), plan));
  });
  for (const one of fleet) one.start();
  return async ({ phase, sessions = 0, forMs = 0 }: ReplicasTask): Promise<Seen> => {
    if (phase === "fill") await inParallel(sessions, 20, async (index) => fleet[index % replicas]?.open());
    if (phase === "work") for (let i = 0; i < sessions; i++) fleet[i % replicas]?.work();
    if (phase === "stop") for (const one of fleet) one.stop();
    for (const one of fleet) one.seen = nothingSeen();
    await new Promise((resolve) => setTimeout(resolve, forMs));
    return fleet.map(({ seen }) => seen).reduce(added, nothingSeen());
  };
});

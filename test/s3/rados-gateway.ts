import { execFile, spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { cephConfig, type Place } from "./ceph-config.ts";
import { Keeper } from "./keeper.ts";

const PROGRAMS = ["monmaptool", "ceph-mon", "ceph", "ceph-osd", "radosgw-admin", "radosgw"] as const;
const TRIES = 4;
const START_MS = 20_000;
const LOOK_MS = 20;
const LAST_LINES = 5;

/** An object store that speaks S3, and the one who may do everything there. */
export interface Gateway {
  /** For example `http://127.0.0.1:40123`. */
  readonly origin: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

/** The bucket that is there from the start. */
export const BUCKET = "files";

/** The AWS SDK, in the name of who may do everything. Nothing is sent twice, and no checksums are added to what is signed. */
export function ownerOf({ origin, accessKey, secretKey }: Gateway): S3Client {
  return new S3Client({
    endpoint: origin,
    region: "us-east-1",
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    forcePathStyle: true,
    maxAttempts: 1,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
}

/** Which of the programs that make an object store are not on the PATH. */
export function missingPrograms(): string[] {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return PROGRAMS.filter((program) => !folders.some((folder) => isProgram(join(folder, program))));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts Ceph's RADOS gateway with a cluster of its own, which keeps objects in memory. Its end leaves nothing behind. */
export async function startRadosGateway(): Promise<Gateway & { readonly close: () => Promise<void> }> {
  let fault: unknown;
  for (let tries = 0; tries < TRIES; tries++) {
    const folder = await mkdtemp(join(tmpdir(), "browser-use-s3-"));
    const keeper = new Keeper(folder);
    try {
      const gateway = await new Cluster(await findPlace(folder), keeper).start();
      return { ...gateway, close: () => keeper.close() };
    } catch (error) {
      await keeper.close();
      // Somebody else may have taken a port between the look and the start.
      fault = error;
    }
  }
  throw new Error(`The RADOS gateway did not start in ${TRIES} tries.`, { cause: fault });
}

/** One cluster, which is one of everything: a monitor, a store, a gateway. */
class Cluster {
  readonly #place: Place;
  readonly #keeper: Keeper;

  constructor(place: Place, keeper: Keeper) {
    this.#place = place;
    this.#keeper = keeper;
  }

  async start(): Promise<Gateway> {
    for (const part of ["monitor", "store", "gateway"]) await mkdir(this.#path(part));
    await writeFile(this.#path("ceph.conf"), cephConfig(this.#place));
    await this.#startMonitor();
    await this.#startStore();
    return this.#startGateway();
  }

  async #startMonitor(): Promise<void> {
    const { clusterId, monitorPort } = this.#place;
    const address = ["--addv", "a", `[v2:127.0.0.1:${monitorPort}]`];
    await this.#run("monmaptool", "--create", "--fsid", clusterId, ...address, this.#path("map"));
    await this.#run("ceph-mon", "--mkfs", "--id=a", "--monmap", this.#path("map"));
    await this.#startDaemon("ceph-mon", "mon.a", async () => (await this.#ask("mon.a", "mon_status")) === "leader");
  }

  async #startStore(): Promise<void> {
    const id = randomUUID();
    await this.#run("ceph-osd", "--mkfs", "--id=0", "--osd-uuid", id);
    await this.#run("ceph", "osd", "new", id, "0");
    await this.#startDaemon("ceph-osd", "osd.0", async () => (await this.#ask("osd.0", "status")) === "active");
  }

  async #startGateway(): Promise<Gateway> {
    const keys = { accessKey: randomBytes(10).toString("hex"), secretKey: randomBytes(20).toString("hex") };
    const user = ["--uid=test", "--display-name=test", "--access-key", keys.accessKey, "--secret-key", keys.secretKey];
    await this.#run("radosgw-admin", "--name=client.gateway", "user", "create", ...user);
    const { gatewayPort } = this.#place;
    const gateway = { origin: `http://127.0.0.1:${gatewayPort}`, ...keys };
    await this.#startDaemon("radosgw", "client.gateway", () => makeBucket(gateway));
    return gateway;
  }

  #path(name: string): string {
    return join(this.#place.folder, name);
  }

  async #run(program: string, ...args: readonly string[]): Promise<void> {
    await promisify(execFile)(program, ["--conf", this.#path("ceph.conf"), ...args], { timeout: START_MS });
  }

  /** Starts a program and waits until it is ready. */
  async #startDaemon(program: string, name: string, isReady: () => Promise<boolean>): Promise<void> {
    const args = ["--foreground", "--name", name, "--conf", this.#path("ceph.conf")];
    const child = spawn(program, args, { detached: true, stdio: "ignore" });
    this.#keeper.take(child);
    const deadline = performance.now() + START_MS;
    while (!(await isReady().catch(() => false))) {
      if (child.exitCode !== null || performance.now() > deadline) break;
      await sleep(LOOK_MS);
    }
    // What is ready may be somebody else's, who was faster to take the port.
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`${program}: ${await this.#log(name)}`);
  }

  /** The state of a program, by the socket in its own folder, where no other one can answer. */
  async #ask(name: string, command: string): Promise<unknown> {
    const socket = connect(this.#path(`${name}.socket`));
    const parts: Buffer[] = [];
    socket.on("data", (part) => parts.push(part));
    socket.write(`${JSON.stringify({ prefix: command })}\0`);
    await once(socket, "close");
    // Four bytes tell how long the answer is.
    return JSON.parse(Buffer.concat(parts).toString("utf8", 4)).state;
  }

  async #log(name: string): Promise<string> {
    const text = await readFile(this.#path(`${name}.log`), "utf8").catch(() => "");
    return (
      text
        .split("\n")
        .filter((line) => line.includes(" -1 "))
        .slice(-LAST_LINES)
        .join("\n") || "it does not say why"
    );
  }
}

async function findPlace(folder: string): Promise<Place> {
  const [monitorPort = 0, gatewayPort = 0] = await freePorts(2);
  return { folder, clusterId: randomUUID(), monitorPort, gatewayPort };
}

/** Ports that are free now. All are held until all are found, so that none is found twice. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port); // they listen on ports, not on pipes
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}

/** Only the gateway that belongs to the keys will do it. */
async function makeBucket(gateway: Gateway): Promise<boolean> {
  await ownerOf(gateway).send(new CreateBucketCommand({ Bucket: BUCKET }));
  return true;
}

import { setTimeout as sleep } from "node:timers/promises";
import { BrowserUse } from "../../src/index.ts";
import { fileFromPath } from "../../src/node.ts";

/**
 * Uploads a file into a workspace and prints one line: how much memory the process had before, at most, and how long it took. Run it as
 * `node --import tsx test/node/file-uploader.ts <url of the API> <path> [watched]`.
 */
const [baseUrl = "", path = "", watched] = process.argv.slice(2);
const MIB = 1024 * 1024;
const rssMiB = () => Math.round(process.memoryUsage.rss() / MIB);

const client = new BrowserUse({ apiKey: "bu_memory", baseUrl });
// One small upload first, so that what is loaded and connected on the way counts as idle.
await client.workspaces.upload("w1", { name: "small", data: new Uint8Array(MIB) });
await sleep(200);
const idleMiB = rssMiB();
let peakMiB = idleMiB;
const timer = setInterval(() => {
  peakMiB = Math.max(peakMiB, rssMiB());
}, 10);
let told = 0;
const onProgress = () => {
  told += 1;
};
const begun = performance.now();
const [uploaded] = await client.workspaces.upload("w1", await fileFromPath(path), watched ? { onProgress } : {});
const elapsedMs = Math.round(performance.now() - begun);
clearInterval(timer);
console.log(JSON.stringify({ idleMiB, peakMiB: Math.max(peakMiB, rssMiB()), elapsedMs, told, uploaded }));

/** Saves what is at an address, and says by how much the memory grew over what the process needs for a small file. */

import { createTransport } from "../../src/facade/call/transport.ts";
import { Download } from "../../src/facade/files/download.ts";
import { browserUseService } from "../../src/facade/service.ts";
import { saveFile } from "../../src/node.ts";

const [origin = "", path = ""] = process.argv.slice(2);
const transport = createTransport(browserUseService, { apiKey: "bu_key", baseUrl: origin });
const save = (name: string) =>
  saveFile(new Download(transport, { path: name }, async () => ({ url: `${origin}/${name}` })), path);

await save("small");
const before = process.resourceUsage().maxRSS;
const { sizeBytes } = await save("big");
console.log(JSON.stringify({ sizeBytes, grownMib: (process.resourceUsage().maxRSS - before) / 1024 }));

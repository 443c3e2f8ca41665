/** Reads YAML texts from stdin in a process of its own, for `isolated.ts`. */
import { text } from "node:stream/consumers";
import { parseOne } from "./isolated.ts";

// Written by `isolated.ts`, as this shape.
const { texts, file } = JSON.parse(await text(process.stdin)) as { texts: string[]; file: string };
process.stdout.write(JSON.stringify(texts.map((one) => parseOne(one, file))));

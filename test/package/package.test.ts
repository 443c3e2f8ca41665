import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { describe, expect, inject, test } from "vitest";

/** What it is now, so that it does not grow unseen. The goal is 12,000. */
const ROOT_LIMIT_BYTES = 42_500;
const consumer = inject("consumer");
const installed = join(consumer, "node_modules/browser-use-client");

function node(args: readonly string[]): string {
  return execFileSync(process.execPath, args, { cwd: consumer, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** The text of all that comes in with one file of the package. */
function loadedBy(entry: string): string {
  const texts = new Map<string, string>();
  const load = (file: string): void => {
    if (texts.has(file)) return;
    texts.set(file, readFileSync(file, "utf8"));
    for (const [, next = ""] of texts.get(file)?.matchAll(/(?:from|import) ?"(\.[^"]+)"/g) ?? [])
      load(join(dirname(file), next));
  };
  load(join(installed, "dist", entry));
  return [...texts.values()].join("\n");
}

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));
}

describe("what is packed", () => {
  test("is the build, the papers, and nothing else", () => {
    const others = files(installed).filter((file) => !/^dist\/.+\.(js|d\.ts)$/.test(file));
    expect(others.sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
  });

  test("has no import without a name, which bundlers warn of", () => {
    const guilty = files(installed).filter(
      (file) => file.endsWith(".js") && /^import "\./m.test(readFileSync(join(installed, file), "utf8")),
    );
    expect(guilty).toEqual([]);
  });

  test("names no path of a machine", () => {
    const guilty = files(installed).filter((file) =>
      /\/(home|root|work|tmp)\/\w/.test(readFileSync(join(installed, file), "utf8")),
    );
    expect(guilty).toEqual([]);
  });

  test("declares one runtime dependency", () => {
    const manifest: { dependencies: object } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    expect(Object.keys(manifest.dependencies)).toEqual(["openapi-fetch"]);
  });
});

describe("loading", () => {
  test("import gives the client and its errors", () => {
    const script =
      'import { BrowserUse, NotFoundError } from "browser-use-client"; console.log(BrowserUse.name, NotFoundError.name)';
    expect(node(["--input-type=module", "-e", script]).trim()).toBe("BrowserUse NotFoundError");
  });

  test("require gives the client too", () => {
    const script =
      'const { BrowserUse } = require("browser-use-client"); console.log(new BrowserUse({ apiKey: "k" }).api !== undefined)';
    expect(node(["--input-type=commonjs", "-e", script]).trim()).toBe("true");
  });

  test("import gives the pool and the Redis store, without any Redis library", () => {
    const script =
      'import { SessionPool } from "browser-use-client/pool"; import { redisLeaseStore } from "browser-use-client/redis"; console.log(SessionPool.name, redisLeaseStore.name)';
    expect(node(["--input-type=module", "-e", script]).trim()).toBe("SessionPool redisLeaseStore");
  });

  test("import gives what only Node has, and the check of webhooks", () => {
    const script =
      'import { fileFromPath, saveFile, saveFiles, stopOnExit } from "browser-use-client/node"; import { verifyWebhook } from "browser-use-client/webhooks"; console.log(fileFromPath.name, saveFile.name, saveFiles.name, stopOnExit.name, verifyWebhook.name)';
    expect(node(["--input-type=module", "-e", script]).trim()).toBe(
      "fileFromPath saveFile saveFiles stopOnExit verifyWebhook",
    );
  });

  test("import and require give Skyvern's client, and it knows the errors of the root as its own", () => {
    const script = `
      import { InvalidInputError } from "browser-use-client";
      import { Skyvern, verifySkyvernWebhook } from "browser-use-client/skyvern";
      const refused = await new Skyvern({ apiKey: "k" }).sessions.open({ timeout: 4 }).catch((error) => error);
      console.log(refused instanceof InvalidInputError, verifySkyvernWebhook.name);`;
    expect(node(["--input-type=module", "-e", script]).trim()).toBe("true verifySkyvernWebhook");
    const required = 'console.log(typeof require("browser-use-client/skyvern").Skyvern)';
    expect(node(["--input-type=commonjs", "-e", required]).trim()).toBe("function");
  });

  test("the pool knows the errors of the root as its own", () => {
    const script = `
      import { BrowserUse, PoolClosedError } from "browser-use-client";
      import { SessionPool } from "browser-use-client/pool";
      const pool = new SessionPool(new BrowserUse({ apiKey: "k" }).browsers);
      await pool.close();
      console.log(await pool.acquire({}).catch((error) => error instanceof PoolClosedError));`;
    expect(node(["--input-type=module", "-e", script]).trim()).toBe("true");
  });

  test("require gives the emulator too", () => {
    const script = 'console.log(typeof require("browser-use-client/emulator").startEmulator)';
    expect(node(["--input-type=commonjs", "-e", script]).trim()).toBe("function");
  });
});

describe("the root", () => {
  const bundled = build({
    entryPoints: [join(installed, "dist/index.js")],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["import"],
    metafile: true,
    write: false,
  });

  test("needs no module of Node", async () => {
    expect((await bundled).errors).toEqual([]); // an unresolved `node:` import would have failed the build
  });

  test.each([
    ["the emulator", "emulator/index.js", "function createEmulator("],
    ["Skyvern's client", "skyvern.js", "api.skyvern.com"],
    ["the pool", "pool.js", "SessionPool = class"],
  ])("loads nothing of %s", (_, entry, mark) => {
    expect(loadedBy(entry)).toContain(mark);
    expect(loadedBy("index.js")).not.toContain(mark);
  });

  test(`is at most ${ROOT_LIMIT_BYTES} bytes, minified and compressed`, async () => {
    const [file] = (await bundled).outputFiles;
    expect(gzipSync(file?.contents ?? new Uint8Array(), { level: 9 }).length).toBeLessThanOrEqual(ROOT_LIMIT_BYTES);
  });
});

describe("declarations", () => {
  const SOURCE = `
    import { BrowserUse, RunFailedError } from "browser-use-client";
    import { startEmulator } from "browser-use-client/emulator";
    import { type Lease, SessionPool } from "browser-use-client/pool";
    import { type RedisClient, redisLeaseStore } from "browser-use-client/redis";
    import { fileFromPath, saveFiles, stopOnExit } from "browser-use-client/node";
    import { verifyWebhook } from "browser-use-client/webhooks";
    import type { V3Session } from "browser-use-client";
    import { Skyvern, type SkyvernSession } from "browser-use-client/skyvern";
    export async function elsewhere(skyvern: Skyvern, browserUse: BrowserUse): Promise<unknown> {
      const pool = new SessionPool(skyvern.sessions, { maxSessions: 2 });
      await using lease: Lease<SkyvernSession> = await pool.acquire({ timeout: 60, proxy_location: "RESIDENTIAL_DE" });
      const run = await skyvern.runTask({ prompt: "a", url: "https://a.test" }, { waitForCompletion: true });
      const status: string = run.status;
      const answer: string | null = (await browserUse.v4.runs.run("b", { model: "minimax-m3" })).output;
      const attached: string | undefined = browserUse.v4.runs.attach("c").sessionId;
      // @ts-expect-error A run that was not waited for has no output.
      return [lease, status, answer, attached, (await skyvern.runTask({ prompt: "a" })).output];
    }
    export async function pooled(browserUse: BrowserUse, redis: RedisClient): Promise<unknown> {
      const pool = new SessionPool(browserUse.v3.sessions, { store: redisLeaseStore(redis), saveProfile: "on-idle" });
      await using lease: Lease<V3Session> = await pool.acquire({ key: "ticket:1", proxyCountryCode: "de" });
      // @ts-expect-error v3 sessions are not opened with this.
      await pool.use({ group: "a", persistMemory: true }, (session) => session.run("b"));
      // @ts-expect-error The pool of v3 sessions lends no cdpUrl.
      return pool.use({}, (session) => session.cdpUrl);
    }
    export async function files(browserUse: BrowserUse, headers: Headers): Promise<unknown> {
      using _leave = stopOnExit(browserUse);
      const event = await verifyWebhook({ body: "{}", headers, secret: "s" });
      browserUse.notify(event);
      const [stored] = await browserUse.workspaces.upload("w", await fileFromPath("a.pdf"));
      const name: string | undefined = stored?.fileName;
      // @ts-expect-error A download is read, it is no text.
      const wrong: string = browserUse.workspaces.download("w", "a.pdf");
      return [name, wrong, await saveFiles(browserUse.workspaces.downloadAll("w"), "out")];
    }
    export async function main(): Promise<unknown> {
      await using emulator = await startEmulator({ port: 0 });
      const browserUse = new BrowserUse({ baseUrl: emulator.url, apiKey: emulator.apiKey });
      const profile = await browserUse.profiles.ensure({ name: "a" });
      await using session = await browserUse.v2.sessions.open({ profileId: profile.id });
      const text: string | null = (await session.run("b")).output;
      const { data } = await browserUse.api.GET("/v3/sessions/{session_id}", { params: { path: { session_id: "c" } } });
      const status: "created" | "idle" | "running" | "stopped" | "timed_out" | "error" = data.status;
      // @ts-expect-error There is no such path: without this line's error the declarations would say nothing.
      await browserUse.api.GET("/v3/nonsense");
      return [text, status, RunFailedError];
    }
  `;
  const compile = (compiler: string, lib: string) => {
    writeFileSync(join(consumer, "use.ts"), SOURCE);
    const flags = ["--noEmit", "--strict", "--skipLibCheck", "false", "--types", "node"];
    const target = ["--target", "es2022", "--module", "nodenext", "--moduleResolution", "nodenext", "--lib", lib];
    return () => node([join(process.cwd(), "node_modules", compiler, "bin/tsc"), ...flags, ...target, "use.ts"]);
  };

  test.each([
    ["typescript-5.4", "es2022"],
    ["typescript-5.4", "es2022,dom"],
    ["typescript", "es2022"],
    ["typescript", "es2022,dom"],
    ["typescript-7", "es2022"],
    ["typescript-7", "es2022,dom"],
  ])("hold in %s with lib %s, without skipLibCheck", (compiler, lib) => {
    expect(compile(compiler, lib)()).toBe("");
  });
});

describe("the command line", () => {
  const cli = join(installed, "dist/cli/cli.js");

  test("--help says how to start", () => {
    expect(node([cli, "--help"])).toContain("emulate");
  });

  test("reap asks for a Redis library where a project has none", () => {
    const env = { ...process.env, BROWSER_USE_API_KEY: "k" };
    const reap = () =>
      execFileSync(process.execPath, [cli, "reap", "--redis", "redis://127.0.0.1:1"], {
        cwd: consumer,
        env,
        stdio: "pipe",
      });
    expect(reap).toThrow("npm install redis");
  });

  test("emulate serves until it is ended, and the packed client can talk to it", async () => {
    const emulator = spawn(process.execPath, [cli, "emulate", "--port", "0"], {
      cwd: consumer,
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const printed: Record<string, string> = {};
      for await (const line of createInterface({ input: emulator.stdout })) {
        const [, name = "", value = ""] = /(BROWSER_USE_\w+)=(\S+)/.exec(line) ?? [];
        printed[name] = value;
        if (printed["BROWSER_USE_API_KEY"] && printed["BROWSER_USE_BASE_URL"]) break;
      }
      const script =
        'import { BrowserUse } from "browser-use-client"; console.log((await new BrowserUse().v3.run("Say hello")).status)';
      const args = ["--input-type=module", "-e", script];
      const env = { ...process.env, ...printed };
      expect(execFileSync(process.execPath, args, { cwd: consumer, encoding: "utf8", env }).trim()).toBe("stopped");
    } finally {
      emulator.kill("SIGTERM");
      await once(emulator, "exit");
    }
  });
});

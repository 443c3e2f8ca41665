/** One version of a vendor's API, as it takes part in the generated client. */
export interface ApiVersion {
  /** Prefix of its paths (`/v2/…`), operationIds (`v2_…`) and, in upper case, of its schemas (`V2…`). No two have the same. */
  readonly name: string;
  /** What it is called at the head of its structure file. */
  readonly title: string;
  /** Structure of the wire, relative to the repository: what an import rewrites. */
  readonly structure: string;
  /** What is ours, in OpenAPI Overlay format, relative to the repository, in the order of use. The last is its own. */
  readonly overlays: readonly string[];
  /** Where the vendor publishes its description; `npm run spec:update` reads it. Left out: nowhere known. */
  readonly source?: string;
  /** The one server its structure file must name. */
  readonly server: string;
  /** Its times may lack an offset, and are UTC then. */
  readonly naiveTimestamps?: true;
  /** The header that carries the key, and the name of its security scheme in the vendor's own files. */
  readonly key: { readonly header: string; readonly scheme: string };
  /** Paths that an import leaves behind, with all that is below them. */
  readonly droppedPaths?: readonly string[];
}

/** One vendor: its versions are merged into one document, and have generated files of their own. */
export interface Service {
  /** Title of the merged document. */
  readonly title: string;
  /** The server of the merged document; every version lives below it, under its name. */
  readonly server: string;
  /** The directory of its generated files, relative to the repository. */
  readonly output: string;
  readonly versions: readonly ApiVersion[];
}

/** The vendor that the package is named after. A further version needs its two files in `openapi/` and a line here. */
export const browserUse: Service = {
  title: "Browser Use Cloud",
  server: "https://api.browser-use.com/api",
  output: "src/generated",
  versions: [
    browserUseVersion("v2", { shares: ["shared", "account"], naiveTimestamps: true }),
    browserUseVersion("v3", { shares: ["shared", "account"] }),
    browserUseVersion("v4", { shares: ["shared"] }),
  ],
};

/** One version, written by hand from facts: where the vendor publishes its own, the text is not ours to take. */
export const skyvern: Service = {
  title: "Skyvern",
  server: "https://api.skyvern.com",
  output: "src/generated/skyvern",
  versions: [
    {
      name: "v1",
      title: "Skyvern v1",
      structure: "openapi/skyvern.yaml",
      overlays: ["openapi/skyvern.overlay.yaml"],
      server: "https://api.skyvern.com/v1",
      naiveTimestamps: true,
      key: { header: "x-api-key", scheme: "ApiKeyHeader" },
    },
  ],
};

/** Every vendor. A further one needs its files in `openapi/` and an entry here. */
export const services: readonly Service[] = [browserUse, skyvern];

/** Every version of every vendor, for commands that take one by its name. */
export const versions: readonly ApiVersion[] = versionsOf(services);

/** Every version of the given vendors. */
export function versionsOf(all: readonly Service[]): readonly ApiVersion[] {
  return all.flatMap((service) => service.versions);
}

function browserUseVersion(
  name: string,
  { shares, ...rest }: { readonly shares: readonly string[]; readonly naiveTimestamps?: true },
): ApiVersion {
  return {
    name,
    title: `Browser Use Cloud ${name}`,
    structure: `openapi/${name}.yaml`,
    overlays: [...shares, name].map((file) => `openapi/${file}.overlay.yaml`),
    source: `https://raw.githubusercontent.com/browser-use/sdk/main/docs/cloud/openapi/${name}.json`,
    server: `https://api.browser-use.com/api/${name}`,
    key: { header: "X-Browser-Use-API-Key", scheme: "APIKeyHeader" },
    droppedPaths: ["/boxes"],
    ...rest,
  };
}

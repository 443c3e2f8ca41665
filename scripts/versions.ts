/** One version of the vendor's API, as it takes part in the generated client. */
export interface ApiVersion {
  /** Prefix of its paths (`/v2/…`), operationIds (`v2_…`) and, in upper case, of its schemas (`V2…`). */
  readonly name: string;
  /** Structure of the wire, relative to the repository: what an import rewrites. */
  readonly structure: string;
  /** What is ours, in OpenAPI Overlay format, relative to the repository. */
  readonly overlay: string;
  /** What is ours in other versions too, likewise; applied before `overlay`. Left out: nothing. */
  readonly sharedOverlay?: string;
  /** Where the vendor publishes its description; `npm run spec:update` reads it. Left out: nowhere known. */
  readonly source?: string;
  /** The one server its structure file must name. */
  readonly server: string;
}

/** The server of the merged document; every version lives below it, under its name. */
export const mergedServer = "https://api.browser-use.com/api";

/** Every version that is generated. A further one needs its two files in `openapi/` and a line here. */
export const versions: readonly ApiVersion[] = [version("v2"), version("v3")];

function version(name: string): ApiVersion {
  return {
    name,
    structure: `openapi/${name}.yaml`,
    overlay: `openapi/${name}.overlay.yaml`,
    sharedOverlay: "openapi/shared.overlay.yaml",
    source: `https://raw.githubusercontent.com/browser-use/sdk/main/docs/cloud/openapi/${name}.json`,
    server: `${mergedServer}/${name}`,
  };
}

import { createRequire } from "node:module";
import type * as CloudflareSdk from "cloudflare";

/**
 * Loads the official SDK when it is first needed: it takes 0.3 s and 30 MB, and a program without preflight does not
 * need it. By `require`, because a dynamic import would load a second copy beside the one that other CommonJS code has.
 */
export function loadCloudflareSdk(): typeof CloudflareSdk {
  const loaded: unknown = createRequire(__filename)("cloudflare");
  if (!isSdk(loaded)) {
    throw new Error("the package cloudflare does not export what its types say");
  }
  return loaded;
}

function isSdk(loaded: unknown): loaded is typeof CloudflareSdk {
  // The CommonJS build exports the client's class, with everything else as its properties.
  return typeof loaded === "function" && "Cloudflare" in loaded && "APIError" in loaded;
}

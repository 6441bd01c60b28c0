import { join, resolve } from "node:path";
import { findApiCredentials, missingTokenProblem } from "../cloudflare/api-credentials";
import { openCloudflareApi, type CloudflareApi } from "../cloudflare/client";
import type { Config } from "../fleet/config";
import { ownNamePrefix } from "../fleet/names";
import { throwIfAny, UserError, type Problem } from "../fleet/problem";
import { readFleet, type Site, type SiteElsewhere } from "../fleet/sites";
import type { ExportedState } from "./exported-state";
import { stackNameIn } from "./project-stacks";
import { readStackConfig } from "./stack-config";
import type { RevealedOutputs } from "./stack-outputs";
import type { StackResource } from "./stack-resources";

const tokenKey = "cloudflare:apiToken";

/**
 * What is encrypted is known to the program alone. Commands would go by the default in its place: by the sites of another shard, or
 * without the tenant.
 */
const encryptedProblems = (encrypted: readonly string[]): readonly Problem[] =>
  encrypted
    .filter((key) => key.startsWith("sitepass:"))
    .map((subject) => ({
      subject,
      says: "is encrypted, and commands and other stacks have to read it",
      todo: "Set it without --secret",
    }));

/** One stack of the project, as a command works on it. */
export interface OpenStack {
  /** The project's folder, absolute. */
  readonly directory: string;
  readonly stackName: string;
  /** All configuration: full keys, values as text, structured ones as JSON. */
  readonly raw: Readonly<Record<string, string>>;
  readonly config: Config;
  /** What `sites/` declares in the stack's shard, in the order of names. */
  readonly sites: readonly Site[];
  /** The other sites in `sites/`, which are in other shards. */
  readonly elsewhere: readonly SiteElsewhere[];
  /** Prefix of the names of what this stack makes in Cloudflare. */
  readonly ownPrefix: string;
  /** The outputs in clear, read when first asked for, and anew when another `up` may have been. */
  readonly outputs: (read?: "anew") => Promise<RevealedOutputs>;
  /** What the stack's state holds; nothing before the first `up` or import. */
  readonly resources: () => Promise<readonly StackResource[]>;
  /** The whole state, as it can be put back. */
  readonly exportState: () => Promise<ExportedState>;
  /**
   * Cloudflare's API, with the API token and address that Pulumi's provider would use.
   *
   * @throws UserError when there is no API token, or one of them, or HTTPS_PROXY, is not what it has to be.
   */
  readonly cloudflareApi: () => Promise<CloudflareApi>;
}

/** What only the stack's engine can read. */
export interface StackReader {
  readonly outputs: (directory: string, stackName: string) => Promise<RevealedOutputs>;
  readonly resources: (directory: string, stackName: string) => Promise<readonly StackResource[]>;
  readonly exportState: (directory: string, stackName: string) => Promise<ExportedState>;
  /** An encrypted value of the stack's configuration, by its full key. */
  readonly secretConfig: (directory: string, stackName: string, key: string) => Promise<string>;
}

/**
 * Opens a stack: its configuration and its site files, checked together.
 *
 * @param directory the project's folder.
 * @param emptyFleet "allowed" for commands that put the first sites into `sites/`.
 * @param overfull "allowed" for commands that look for a place for sites that are too many.
 * @throws UserError with everything that is wrong with either.
 */
export function openStack(
  directory: string,
  reference: string,
  reader: StackReader,
  emptyFleet?: "allowed",
  overfull?: "allowed",
): OpenStack {
  const folder = resolve(directory);
  const stackName = stackNameIn(reference);
  const { project, values, encrypted } = readStackConfig(folder, stackName);
  throwIfAny(encryptedProblems(encrypted));
  const { config, sites, elsewhere } = readFleet(values, join(folder, "sites"), emptyFleet, overfull);
  let outputs: Promise<RevealedOutputs> | undefined;
  return {
    directory: folder,
    stackName,
    raw: values,
    config,
    sites,
    elsewhere,
    ownPrefix: ownNamePrefix(project, stackName),
    outputs: (read) => {
      outputs = read === "anew" ? undefined : outputs;
      return (outputs ??= reader.outputs(folder, reference));
    },
    resources: () => reader.resources(folder, reference),
    exportState: () => reader.exportState(folder, reference),
    cloudflareApi: async () => {
      const hidden = encrypted.includes(tokenKey)
        ? { [tokenKey]: await reader.secretConfig(folder, reference, tokenKey) }
        : {};
      const credentials = findApiCredentials({ ...values, ...hidden }, process.env);
      if (credentials === undefined) {
        throw new UserError(missingTokenProblem);
      }
      return openCloudflareApi(credentials);
    },
  };
}
